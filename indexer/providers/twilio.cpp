#include "indexer/providers/twilio.hpp"

#include <algorithm>
#include <array>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/providers/file_type.hpp"
#include "indexer/providers/photo_acknowledgment.hpp"
#include "indexer/providers/secret_text.hpp"
#include "indexer/providers/twilio_signature.hpp"

namespace media::providers {
namespace {

constexpr std::array<SecretRule, 1> kSecrets = {SecretRule{
    "auth_token", true, true, "Auth Token of the account: signs webhooks, the first opens media"}};

constexpr std::array<SwitchRule, 2> kSwitches = {{
    {"acknowledge", "answer senders of media that it was received"},
    {"delete_after_storage", "delete media at Twilio once they are stored"},
}};

// Media may not be at its place yet when the webhook comes.
constexpr std::int64_t kSettlingTime = 120;

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_sid(std::string_view text, std::string_view prefix) {
  return text.size() == 34 && text.starts_with(prefix) && is_hex(text.substr(2));
}

// Takes "NAME/SID" off a path; the SID, or nothing.
std::string_view take_resource(std::string_view& path, std::string_view name) {
  if (!path.starts_with(name)) return {};
  path.remove_prefix(name.size());
  const std::string_view sid = path.substr(0, path.find('/'));
  path.remove_prefix(std::min(sid.size() + 1, path.size()));
  return sid;
}

// /2010-04-01/Accounts/AC.../Messages/MM.../Media/ME...
bool is_media_of(std::string_view path, std::string_view account_sid) {
  if (take_resource(path, "/2010-04-01/Accounts/") != account_sid) return false;
  const std::string_view message = take_resource(path, "Messages/");
  constexpr std::string_view kMedia = "Media/";
  return (is_sid(message, "MM") || is_sid(message, "SM")) && path.starts_with(kMedia) &&
         is_sid(path.substr(kMedia.size()), "ME");
}

std::string_view path_of(std::string_view url) {
  const auto mark = url.find("://");
  if (mark == std::string_view::npos) return {};
  const auto slash = url.find('/', mark + 3);
  return slash == std::string_view::npos ? std::string_view() : url.substr(slash);
}

IncomingMedia read_item(const http::Form& form, int index) {
  const std::string number = std::to_string(index);
  IncomingMedia item;
  item.index = index;
  item.url = form.value("MediaUrl" + number);
  item.declared_mime_type = form.value("MediaContentType" + number);
  item.file_type = file_type_of_item(item);
  const std::string_view path = path_of(item.url);
  const std::string_view sid = path.substr(path.rfind('/') + 1);
  if (is_sid(sid, "ME")) item.provider_media_id = sid;
  return item;
}

// "whatsapp:+447700900123" -> "+447700900123"
std::string_view without_channel(std::string_view address) {
  const auto colon = address.find(':');
  return colon == std::string_view::npos ? address : address.substr(colon + 1);
}

class Twilio : public Provider {
 public:
  Twilio(const ProviderSettings& settings, std::string public_url)
      : Provider("twilio", settings),
        api_url_(settings.api_url),
        public_url_(std::move(public_url)) {}

  std::span<const SecretRule> secret_rules() const override { return kSecrets; }
  std::span<const SwitchRule> switch_rules() const override { return kSwitches; }

  Result<void> check_secret(std::string_view name, std::string_view value) const override {
    return check_secret_text(name, value);
  }

  Result<void> check_external_id(std::string_view id) const override {
    if (is_sid(id, "AC")) return {};
    return fail(ErrorCode::invalid_argument,
                "the external id is the AccountSid: AC and 32 hexadecimal digits");
  }

  // Numbers can be configured for either method.
  bool takes_get() const override { return true; }

  Result<void> verify(const http::Request& request, const Secrets& secrets,
                      std::int64_t) const override {
    if (verify_twilio_signature(public_url_ + request.target, request, secrets.all("auth_token"))) {
      return {};
    }
    return fail(ErrorCode::unauthorized,
                "X-Twilio-Signature does not match; Twilio signs the URL that it calls, which "
                "has to begin with server.public_url");
  }

  Result<Delivery> parse(const http::Request& request, const Account& account,
                         std::int64_t now) const override {
    Delivery delivery;
    const bool is_get = request.method == "GET";
    const auto form = http::Form::parse(is_get ? request.query() : request.body);
    if (form && (is_get || is_form(request))) {
      delivery = read_twilio_message(*form, now);
    } else {
      delivery.notes.emplace_back("not a form: no incoming message");
    }
    if (delivery.key.empty()) {
      delivery.key = hex_encode(sha256(as_bytes(is_get ? request.query() : request.body)));
    }
    const bool answers = account.is_on("acknowledge") && !delivery.messages.empty();
    delivery.answer =
        twiml(answers ? generate_photo_acknowledgment(delivery.messages[0].media) : "");
    return delivery;
  }

  bool is_media_path(std::string_view path, const Account& account) const override {
    return is_media_of(path, account.external_id);
  }

  std::string media_authorization(const Account& account) const override {
    const std::string pair =
        account.external_id + ":" + std::string(account.secrets.first("auth_token"));
    return "Basic " + base64_encode(as_bytes(pair));
  }

  std::int64_t settling_time() const override { return kSettlingTime; }

  std::optional<ApiRequest> delete_request(const MediaReference& media,
                                           const Account& account) const override {
    const std::string_view path = path_of(media.url);
    if (!account.is_on("delete_after_storage") || !is_media_path(path, account)) {
      return std::nullopt;
    }
    return ApiRequest{.url = api_url_ + std::string(path) + ".json",
                      .headers = {{"Authorization", media_authorization(account)}},
                      .method = "DELETE"};
  }

 private:
  std::string api_url_;
  std::string public_url_;
};

std::string xml_escape(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace

// NumMedia is not relied on: what has a URL counts.
Delivery read_twilio_message(const http::Form& form, std::int64_t now) {
  Delivery delivery;
  const std::string_view sid = form.value("MessageSid");
  if (sid.empty() || !form.has("From") || !form.has("NumMedia")) {
    delivery.notes.emplace_back("no incoming message: MessageSid, From or NumMedia is missing");
    return delivery;
  }
  if (!is_printable(sid) || !is_printable(form.value("AccountSid"))) {
    delivery.notes.emplace_back("MessageSid or AccountSid is malformed");
    return delivery;
  }
  delivery.key = sid;
  IncomingMessage message;
  message.account = form.value("AccountSid");
  message.external_id = sid;
  message.conversation = form.value("From").empty() ? sid : form.value("From");
  message.sender = without_channel(form.value("From"));
  message.sent_at = now;  // Twilio does not say, but calls at once
  message.text = form.value("Body");
  for (int index = 0; form.has("MediaUrl" + std::to_string(index)); ++index) {
    IncomingMedia item = read_item(form, index);
    if (message.media.size() == kMaxMediaPerMessage || item.url.size() > kMaxUrlSize) {
      delivery.notes.push_back("MediaUrl" + std::to_string(index) + " is one too many or too long");
      break;
    }
    message.media.push_back(std::move(item));
  }
  if (form.value("NumMedia") != std::to_string(message.media.size())) {
    delivery.notes.emplace_back("NumMedia does not agree with the MediaUrls");
  }
  delivery.messages.push_back(std::move(message));
  return delivery;
}

http::Response twiml(std::string_view text) {
  http::Response response;
  response.content_type = "text/xml";
  response.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response>";
  if (!text.empty()) response.body += "<Message>" + xml_escape(text) + "</Message>";
  response.body += "</Response>\n";
  return response;
}

Registration twilio_registration() {
  return {.name = "twilio",
          .make = [](const ProviderSettings& settings,
                     const std::string& public_url) -> std::unique_ptr<Provider> {
            return std::make_unique<Twilio>(settings, public_url);
          },
          .defaults = {.api_url = "https://api.twilio.com",
                       .media_hosts = {"api.twilio.com"},
                       .redirect_hosts = {".twiliocdn.com", "s3-external-1.amazonaws.com",
                                          "media.twiliocdn.com.s3-external-1.amazonaws.com"}},
          .sends_credential = true};
}

}  // namespace media::providers
