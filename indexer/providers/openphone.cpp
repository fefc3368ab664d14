#include "indexer/providers/openphone.hpp"

#include <array>
#include <charconv>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/providers/openphone_payload.hpp"
#include "indexer/providers/secret_text.hpp"
#include "indexer/providers/standard_webhooks.hpp"

namespace media::providers {
namespace {

constexpr std::array<SecretRule, 3> kOpenPhoneSecrets = {{
    {"signing_key", true, true, "signing secret of the webhook (base64)"},
    {"api_key", false, false, "asks again for recordings and voicemails whose URL is over"},
    {"secret", false, true, "whsec_... of a webhook of API version 2026-03-30"},
}};

constexpr std::array<SecretRule, 3> kQuoSecrets = {{
    {"secret", true, true, "whsec_... that the API answered when the webhook was made"},
    {"api_key", false, false, "asks again for recordings and voicemails whose URL is over"},
    {"signing_key", false, true, "signing secret of a webhook made in the app (base64)"},
}};

constexpr std::array<SwitchRule, 1> kSwitches = {
    {{"outgoing", "take media of messages that the account has sent, too"}}};

constexpr std::size_t kMaxHeaderSize = 4096;

std::string_view take_until(std::string_view& text, char separator) {
  const std::string_view part = text.substr(0, text.find(separator));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

bool is_in_time(std::string_view timestamp, std::int64_t now, std::chrono::milliseconds tolerance) {
  std::int64_t value = 0;
  const char* end = timestamp.data() + timestamp.size();
  if (timestamp.size() < 10 || timestamp.size() > 16 ||
      timestamp.find_first_not_of("0123456789") != std::string_view::npos ||
      std::from_chars(timestamp.data(), end, value).ptr != end) {
    return false;
  }
  const std::int64_t milliseconds = timestamp.size() <= 11 ? value * 1000 : value;
  const std::int64_t difference = now * 1000 - milliseconds;
  // The clock's own fraction is not known.
  return difference >= -tolerance.count() - 1000 && difference <= tolerance.count();
}

// One of the header's signatures.
bool is_valid(std::string_view item, const http::Request& request,
              const std::vector<std::string_view>& signing_keys, std::int64_t now,
              std::chrono::seconds tolerance) {
  const std::string_view scheme = take_until(item, ';');
  const std::string_view version = take_until(item, ';');
  const std::string_view timestamp = take_until(item, ';');
  const auto signature = base64_decode(item);
  if (scheme != "hmac" || version != "1" || !is_in_time(timestamp, now, tolerance) || !signature)
    return false;
  const std::string message = std::string(timestamp) + "." + request.body;
  for (const std::string_view text : signing_keys) {
    const auto key = base64_decode(text);
    if (key && equal_in_constant_time(hmac_sha256(*key, as_bytes(message)), *signature))
      return true;
  }
  return false;
}

class OpenPhone : public Provider {
 public:
  enum class Api { v1, v2026 };

  OpenPhone(std::string_view name, const ProviderSettings& settings, Api api,
            std::span<const SecretRule> secrets)
      : Provider(name, settings),
        api_url_(settings.api_url),
        tolerance_(settings.tolerance),
        api_(api),
        secrets_(secrets) {}

  std::span<const SecretRule> secret_rules() const override { return secrets_; }
  std::span<const SwitchRule> switch_rules() const override { return kSwitches; }

  Result<void> check_secret(std::string_view name, std::string_view value) const override {
    if (name == "secret") return check_standard_webhook_key(value);
    if (name == "api_key") return check_secret_text(name, value);
    if (const auto key = base64_decode(value); key && !key->empty()) return {};
    return fail(ErrorCode::invalid_argument, "signing_key must be base64");
  }

  Result<void> verify(const http::Request& request, const Secrets& secrets,
                      std::int64_t now) const override {
    if (request.header("openphone-signature").empty()) {
      return verify_standard_webhook(request, secrets.all("secret"), now);
    }
    if (verify_openphone_signature(request, secrets.all("signing_key"), now, tolerance_)) return {};
    return fail(ErrorCode::unauthorized,
                "openphone-signature does not match, or its time is too far from now");
  }

  Result<Delivery> parse(const http::Request& request, const Account& account,
                         std::int64_t) const override {
    auto delivery = parse_openphone(request.body, account.is_on("outgoing"));
    const std::string_view id = standard_webhook_id(request);
    if (delivery && !id.empty() && request.header("openphone-signature").empty()) {
      delivery->key = id;
    }
    return delivery;
  }

  std::vector<ApiRequest> resolve_requests(const MediaReference& media,
                                           const Account& account) const override {
    const std::string_view key = account.secrets.first("api_key");
    std::string_view rest = media.provider_media_id;
    const std::string_view kind = take_until(rest, '/');
    const std::string call = percent_encode(take_until(rest, '/'));
    if (key.empty() || call.empty()) return {};
    return {{api_url_ + path_of(kind == "voicemail", call),
             {{"Authorization", std::string(key)}, {"Quo-Api-Version", "2026-03-30"}}}};
  }

  ResolveAnswer read_resolve_answer(const MediaReference& media, int status, std::string_view body,
                                    std::int64_t) const override {
    return read_openphone_call(media.provider_media_id, status, body);
  }

 private:
  std::string path_of(bool is_voicemail, const std::string& call) const {
    if (api_ == Api::v1)
      return (is_voicemail ? "/v1/call-voicemails/" : "/v1/call-recordings/") + call;
    return "/calls/" + call + (is_voicemail ? "?include=voicemail" : "/recordings");
  }

  std::string api_url_;
  std::chrono::seconds tolerance_;
  Api api_;
  std::span<const SecretRule> secrets_;
};

// There is no list of the vendor's; nobody gets a credential.
const std::vector<std::string> kMediaHosts = {"storage.googleapis.com", ".s3.amazonaws.com",
                                              ".openphone.com", ".quo.com", ".openphoneapi.com"};

}  // namespace

bool verify_openphone_signature(const http::Request& request,
                                const std::vector<std::string_view>& signing_keys, std::int64_t now,
                                std::chrono::seconds tolerance) {
  std::string_view header = request.header("openphone-signature");
  if (header.size() > kMaxHeaderSize) return false;
  while (!header.empty()) {
    if (is_valid(trim(take_until(header, ',')), request, signing_keys, now, tolerance)) return true;
  }
  return false;
}

Registration openphone_registration() {
  return {.name = "openphone",
          .make = [](const ProviderSettings& settings,
                     const std::string&) -> std::unique_ptr<Provider> {
            return std::make_unique<OpenPhone>("openphone", settings, OpenPhone::Api::v1,
                                               kOpenPhoneSecrets);
          },
          .defaults = {.api_url = "https://api.openphone.com",
                       .media_hosts = kMediaHosts,
                       .redirect_hosts = {}},
          .has_tolerance = true};
}

Registration quo_registration() {
  return {.name = "quo",
          .make = [](const ProviderSettings& settings,
                     const std::string&) -> std::unique_ptr<Provider> {
            return std::make_unique<OpenPhone>("quo", settings, OpenPhone::Api::v2026, kQuoSecrets);
          },
          .defaults = {
              .api_url = "https://api.quo.com", .media_hosts = kMediaHosts, .redirect_hosts = {}}};
}

}  // namespace media::providers
