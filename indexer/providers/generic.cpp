#include "indexer/providers/generic.hpp"

#include <array>

#include "indexer/json.hpp"
#include "indexer/providers/digest.hpp"
#include "indexer/providers/file_type.hpp"
#include "indexer/providers/standard_webhooks.hpp"
#include "indexer/providers/timestamp.hpp"

namespace media::providers {
namespace {

constexpr std::array<SecretRule, 1> kSecrets = {
    SecretRule{"secret", true, true, "signing key of the sender (whsec_... or whpk_...)"}};

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
  explicit Generic(const ProviderSettings& settings) : Provider("generic", settings) {}

  std::span<const SecretRule> secret_rules() const override { return kSecrets; }

  Result<void> check_secret(std::string_view, std::string_view value) const override {
    return check_standard_webhook_key(value);
  }

  Result<void> verify(const http::Request& request, const Secrets& secrets,
                      std::int64_t now) const override {
    return verify_standard_webhook(request, secrets.all("secret"), now);
  }

  Result<Delivery> parse(const http::Request& request, const Account&,
                         std::int64_t) const override {
    return parse_generic(request.body, standard_webhook_id(request));
  }
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

Registration generic_registration() {
  return {.name = "generic",
          .make = [](const ProviderSettings& settings, const std::string&)
              -> std::unique_ptr<Provider> { return std::make_unique<Generic>(settings); },
          .defaults = {}};
}

}  // namespace media::providers
