#include "indexer/providers/whatsapp_payload.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

#include "indexer/json.hpp"
#include "indexer/providers/digest.hpp"

namespace media::providers {
namespace {

struct MediaKind {
  std::string_view type;  ///< `type` of the message and name of its object
  std::string_view file_type;
};

constexpr std::array<MediaKind, 6> kMediaKinds = {{
    {"image", "image"},
    {"video", "video"},
    {"audio", "audio"},
    {"voice", "audio"},  // the retired On-Premises API
    {"document", "document"},
    {"sticker", "image"},
}};

class PayloadReader {
 public:
  explicit PayloadReader(std::int64_t now) : now_(now) {}

  Delivery read(const Json& body) {
    if (body["object"].text() != "whatsapp_business_account") {
      note("object is not whatsapp_business_account");
      return std::move(delivery_);
    }
    const Json entries = body["entry"];
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const Json changes = entries[i]["changes"];
      for (std::size_t k = 0; k < changes.size(); ++k) read_change(changes[k]);
    }
    return std::move(delivery_);
  }

 private:
  void note(std::string text) {
    if (delivery_.notes.size() < 16) delivery_.notes.push_back(std::move(text));
  }

  void read_change(const Json& change) {
    if (change["field"].text() != "messages") {
      note("field '" + std::string(change["field"].text().substr(0, 64)) + "' holds no messages");
      return;
    }
    const Json value = change["value"];
    note_errors(value["errors"]);
    const std::string number = value["metadata"]["phone_number_id"].identifier();
    const Json messages = value["messages"];
    for (std::size_t i = 0; i < messages.size(); ++i) read_message(messages[i], number);
  }

  // Failures at Meta, for instance 131052: what the user sent is too big.
  void note_errors(const Json& errors) {
    for (std::size_t i = 0; i < errors.size(); ++i) {
      note("provider error " + errors[i]["code"].identifier());
    }
  }

  void read_message(const Json& json, const std::string& number) {
    if (!json.is_object()) return;
    note_errors(json["errors"]);
    const bool is_edit = json["type"].text() == "edit";
    // The content of an edited message is one level down.
    const Json content = is_edit ? json["edit"]["message"] : json;
    IncomingMessage message;
    message.account = number;
    message.event_kind = is_edit ? "edit" : "message";
    message.external_id = json["id"].identifier();
    if (message.external_id.empty() || is_repeated(message)) return;
    if (delivery_.messages.size() == kMaxMessages) {
      note("more than 1000 messages: the rest is ignored");
      return;
    }
    message.sent_at = json["timestamp"].integer();
    read_people(json, message);
    read_content(content, message);
    delivery_.messages.push_back(std::move(message));
  }

  // Meta was seen to send one message twice in one body.
  bool is_repeated(const IncomingMessage& message) {
    return !seen_.emplace(message.account, message.external_id, message.event_kind).second;
  }

  // A sender who hides the phone number has only a user id.
  static void read_people(const Json& json, IncomingMessage& message) {
    message.sender = json["from"].identifier();
    if (message.sender.empty()) message.sender = json["from_user_id"].identifier();
    message.conversation = json["group_id"].identifier();
    if (message.conversation.empty()) message.conversation = message.sender;
    if (message.conversation.empty()) message.conversation = message.external_id;
  }

  void read_content(const Json& content, IncomingMessage& message) {
    const std::string_view type = content["type"].text();
    if (type == "text") message.text = content["text"]["body"].text();
    const auto* kind = std::ranges::find(kMediaKinds, type, &MediaKind::type);
    if (kind == kMediaKinds.end()) return;
    const Json object = content[type];
    message.text = object["caption"].text();
    IncomingMedia item = read_media(object);
    item.file_type = kind->file_type;
    if (item.provider_media_id.empty() && item.url.empty()) {
      note(std::string(type) + " without media id");
      return;
    }
    message.media.push_back(std::move(item));
  }

  IncomingMedia read_media(const Json& object) {
    IncomingMedia item;
    item.provider_media_id = object["id"].identifier();
    item.declared_mime_type = object["mime_type"].text();
    item.file_name = object["filename"].text();
    item.url = object["url"].text();
    if (item.url.size() > kMaxUrlSize) item.url.clear();
    if (!item.url.empty()) item.url_expires_at = now_ + kWhatsAppUrlLifetime;
    item.deadline = now_ + kWhatsAppMediaLifetime;
    const Json digest = object["sha256"];
    item.sha256 = parse_sha256(digest.text());
    if (digest && !item.sha256) note("sha256 is neither hex nor base64 of 32 bytes");
    return item;
  }

  std::int64_t now_;
  Delivery delivery_;
  std::set<std::tuple<std::string, std::string, std::string>> seen_;
};

}  // namespace

Result<Delivery> parse_whatsapp(std::string_view body, std::int64_t now) {
  const auto json = Json::parse(body);
  if (!json) return std::unexpected(json.error());
  if ((*json)["object"].text().empty()) {
    return fail(ErrorCode::invalid_argument, "the body is not an object that names its object");
  }
  return PayloadReader(now).read(*json);
}

}  // namespace media::providers
