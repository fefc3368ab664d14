#include "indexer/providers/generic.hpp"

#include <array>

#include "core/media_type.hpp"
#include "indexer/http/problem.hpp"
#include "indexer/json.hpp"
#include "indexer/providers/digest.hpp"
#include "indexer/providers/standard_webhooks.hpp"
#include "indexer/providers/timestamp.hpp"

namespace media::providers {
namespace {

constexpr std::array<SecretRule, 1> kSecrets = {
    SecretRule{"secret", true, true, "signing key of the sender (whsec_... or whpk_...)"}};

struct KindOfExtensions {
  std::string_view file_type;
  std::string_view extensions;
};
constexpr std::array<KindOfExtensions, 3> kExtensions = {{
    {"image", " jpg jpeg png gif webp heic avif "},
    {"video", " mp4 mov webm 3gp mkv m4v "},
    {"audio", " mp3 ogg oga opus m4a aac amr wav flac "},
}};

// What an extension says of an item that came without a content type.
std::string_view file_type_of_name(std::string_view name) {
  name = name.substr(0, name.find_first_of("?#"));
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > 6) return "document";
  std::string extension = " ";
  for (const char c : name.substr(dot + 1)) extension += static_cast<char>(c | 0x20);
  extension += ' ';
  for (const auto& [file_type, extensions] : kExtensions) {
    if (extensions.find(extension) != std::string_view::npos) return file_type;
  }
  return "document";
}

std::string file_type_of_item(const IncomingMedia& item) {
  const std::string essence = mime_essence(item.declared_mime_type);
  if (!essence.empty() && essence != "application/octet-stream" &&
      essence != "binary/octet-stream") {
    return std::string(file_type_of(essence));
  }
  return std::string(file_type_of_name(item.file_name.empty() ? item.url : item.file_name));
}

std::unexpected<Error> malformed(const std::string& what) {
  return fail(ErrorCode::invalid_argument, what);
}

Result<IncomingMedia> read_item(const Json& json, int index) {
  IncomingMedia item;
  item.index = index;
  item.url = json["url"].text();
  if (item.url.empty() || item.url.size() > kMaxUrlSize) {
    return malformed("data.media[" + std::to_string(index) + "].url must be a URL of at most " +
                     std::to_string(kMaxUrlSize) + " bytes");
  }
  item.provider_media_id = json["id"].identifier();
  item.file_name = json["file_name"].text();
  item.declared_mime_type = json["content_type"].text();
  item.size = json["size"].integer();
  if (item.size && *item.size < 0) item.size.reset();
  item.sha256 = parse_sha256(json["sha256"].text());
  item.file_type = file_type_of_item(item);
  return item;
}

Result<void> read_media(const Json& list, IncomingMessage& message) {
  if (list && !list.is_array()) return malformed("data.media must be an array");
  if (list.size() > kMaxMediaPerMessage) {
    return malformed("data.media has more than " + std::to_string(kMaxMediaPerMessage) + " items");
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto item = read_item(list[i], static_cast<int>(i));
    if (!item) return std::unexpected(item.error());
    message.media.push_back(std::move(*item));
  }
  return {};
}

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const std::string& candidate : candidates) {
    if (!candidate.empty()) return candidate;
  }
  return {};
}

class Generic : public Provider {
 public:
  explicit Generic(HostPolicy hosts) : hosts_(std::move(hosts)) {}

  std::string_view name() const override { return "generic"; }
  std::span<const SecretRule> secret_rules() const override { return kSecrets; }

  Result<void> check_secret(std::string_view, std::string_view value) const override {
    return check_standard_webhook_key(value);
  }

  http::Response handshake(const http::Request&, const Secrets&) const override {
    http::Response response = http::problem(405, "this webhook takes POST only");
    response.headers.emplace_back("Allow", "POST");
    return response;
  }

  Result<void> verify(const http::Request& request, const Secrets& secrets,
                      std::int64_t now) const override {
    return verify_standard_webhook(request, secrets.all("secret"), now);
  }

  Result<Delivery> parse(const http::Request& request, std::int64_t) const override {
    return parse_generic(request.body, standard_webhook_id(request));
  }

  const HostPolicy& hosts() const override { return hosts_; }
  std::string resolve_url(const MediaReference&, bool) const override { return {}; }
  ResolveAnswer read_resolve_answer(int, std::string_view, std::int64_t) const override {
    ResolveAnswer answer;
    answer.verdict = ResolveAnswer::Verdict::gone;
    answer.message = "generic media has no resolver";
    return answer;
  }

 private:
  HostPolicy hosts_;
};

}  // namespace

// The format is ours, so who deviates from it is told: what is silently ignored is
// media that nobody misses until it is gone.
Result<Delivery> parse_generic(std::string_view body, std::string_view delivery_id) {
  const auto json = Json::parse(body);
  if (!json) return std::unexpected(json.error());
  const std::string_view type = (*json)["type"].text();
  if (type.empty()) return malformed("the body must be an object with a type");
  Delivery delivery;
  delivery.key = delivery_id;
  if (type != "message.received" && type != "message.media.received") {
    delivery.notes.emplace_back("event type is not message.received");
    return delivery;
  }
  const Json data = (*json)["data"];
  IncomingMessage message;
  message.external_id = data["id"].identifier();
  if (message.external_id.empty()) return malformed("data.id must name the message");
  message.sender = data["from"].identifier();
  message.conversation =
      first_of({data["conversation_id"].identifier(), message.sender, message.external_id});
  message.text = data["text"].text();
  message.sent_at = parse_rfc3339(data["sent_at"].text());
  if (!message.sent_at) message.sent_at = parse_rfc3339((*json)["timestamp"].text());
  if (auto read = read_media(data["media"], message); !read) return std::unexpected(read.error());
  delivery.messages.push_back(std::move(message));
  return delivery;
}

std::unique_ptr<Provider> make_generic(HostPolicy hosts) {
  return std::make_unique<Generic>(std::move(hosts));
}

}  // namespace media::providers
