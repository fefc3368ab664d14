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

constexpr std::int64_t kMediaDownloadError = 131052;

class PayloadReader {
 public:
  PayloadReader(std::int64_t now, bool takes_echoes) : now_(now), takes_echoes_(takes_echoes) {}

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
    const std::string_view field = change["field"].text();
    const bool is_echo = field == "smb_message_echoes" && takes_echoes_;
    if (field != "messages" && !is_echo) {
      note("field '" + std::string(field.substr(0, 64)) + "' is not taken");
      return;
    }
    const Json value = change["value"];
    note_errors(value["errors"]);
    const std::string number = value["metadata"]["phone_number_id"].identifier();
    const Json messages = value[is_echo ? "message_echoes" : "messages"];
    for (std::size_t i = 0; i < messages.size(); ++i) read_message(messages[i], number);
  }

  // Meta could not take what the user sent; there is nothing to be fetched, but
  // somebody may look for it.
  static void read_failure(const Json& errors, IncomingMessage& message) {
    for (std::size_t i = 0; i < errors.size(); ++i) {
      if (errors[i]["code"].integer() != kMediaDownloadError) continue;
      const std::string_view title = errors[i]["title"].text();
      const bool is_too_big = title.find("too big") != std::string_view::npos;
      IncomingMedia item;
      item.file_type = "document";
      item.failure = std::string(is_too_big ? "too_large" : "gone") +
                     ": WhatsApp could not take the file, code 131052";
      message.media.push_back(std::move(item));
      return;
    }
  }

  // Failures at Meta.
  void note_errors(const Json& errors) {
    for (std::size_t i = 0; i < errors.size(); ++i) {
      note("provider error " + errors[i]["code"].identifier());
    }
  }

  void read_message(const Json& json, const std::string& number) {
    if (!json.is_object()) return;
    note_errors(json["errors"]);
    const bool is_edit = json["type"].text() == "edit";
    const bool is_revoke = json["type"].text() == "revoke";
    // The content of an edited message is one level down.
    const Json content = is_edit ? json["edit"]["message"] : json;
    IncomingMessage message;
    message.account = number;
    message.event_kind = is_edit ? "edit" : is_revoke ? "revoke" : "message";
    message.is_withdrawn = is_revoke;
    // A withdrawal has an id of its own, and names the message.
    message.external_id =
        (is_revoke ? json["revoke"]["original_message_id"] : json["id"]).identifier();
    if (message.external_id.empty() || is_repeated(message)) return;
    if (delivery_.messages.size() == kMaxMessages) {
      note("more than 1000 messages: the rest is ignored");
      return;
    }
    message.sent_at = json["timestamp"].integer();
    read_people(json, message);
    read_content(content, message);
    if (message.media.empty()) read_failure(json["errors"], message);
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
    // Of an echo, the other side is who it went to.
    if (message.conversation.empty()) message.conversation = json["to"].identifier();
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
  bool takes_echoes_;
  Delivery delivery_;
  std::set<std::tuple<std::string, std::string, std::string>> seen_;
};

}  // namespace

Result<Delivery> parse_whatsapp(std::string_view body, std::int64_t now, bool takes_echoes) {
  const auto json = Json::parse(body);
  if (!json) return std::unexpected(json.error());
  if ((*json)["object"].text().empty()) {
    return fail(ErrorCode::invalid_argument, "the body is not an object that names its object");
  }
  return PayloadReader(now, takes_echoes).read(*json);
}

}  // namespace media::providers
