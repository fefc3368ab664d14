#include "indexer/providers/discord_payload.hpp"

#include <algorithm>
#include <charconv>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/json.hpp"
#include "indexer/providers/file_type.hpp"
#include "indexer/providers/photo_acknowledgment.hpp"
#include "indexer/providers/timestamp.hpp"

namespace media::providers {
namespace {

constexpr std::size_t kMaxWaveformSize = 1024;
constexpr std::int64_t kSnowflakeEpoch = 1420070400;  // 2015-01-01

// When an id was made, in Unix seconds.
std::optional<std::int64_t> snowflake_time(const std::string& id) {
  std::uint64_t value = 0;
  const char* end = id.data() + id.size();
  if (id.empty() || std::from_chars(id.data(), end, value).ptr != end) return std::nullopt;
  return kSnowflakeEpoch + static_cast<std::int64_t>((value >> 22) / 1000);
}

// Discord replaces most of a name; what the user called the file is the title,
// without the extension.
std::string name_of(const Json& attachment) {
  std::string name(attachment["filename"].text());
  const std::string_view title = attachment["title"].text();
  if (title.empty()) return name;
  const auto dot = name.rfind('.');
  return std::string(title) + (dot == std::string::npos ? "" : name.substr(dot));
}

http::Response answer_json(const Json& json) {
  http::Response response;
  response.body = json.dump();
  return response;
}

http::Response answer_nothing() {
  http::Response response;
  response.status = 204;
  response.content_type.clear();
  response.headers.emplace_back("Content-Type", "application/json");  // Discord insists on one
  return response;
}

class DiscordReader {
 public:
  explicit DiscordReader(const DiscordPolicy& policy) : policy_(policy) {}

  Delivery take() { return std::move(delivery_); }

  void read_gateway_frame(const Json& frame) {
    const std::string_view type = frame["t"].text();
    if (type == "MESSAGE_CREATE" || type == "MESSAGE_UPDATE") {
      read_message(frame["d"]);
    } else {
      note("gateway event " + std::string(type.substr(0, 64)) + " holds no message");
    }
  }

  void read_webhook_event(const Json& json) {
    delivery_.answer = answer_nothing();
    is_probe_ = json["type"].integer() == 0;
    const std::string_view type = json["event"]["type"].text();
    if (type.ends_with("_MESSAGE_CREATE") || type.ends_with("_MESSAGE_UPDATE")) {
      read_message(json["event"]["data"]);
    } else if (!is_probe_) {
      note("event " + std::string(type.substr(0, 64)) + " holds no message");
    }
  }

  // https://discord.com/developers/docs/interactions: an answer is due at once.
  void read_interaction(const Json& json) {
    enum Type { ping = 1, command = 2, component = 3, autocomplete = 4 };
    const auto type = json["type"].integer().value_or(0);
    is_probe_ = type == ping || type == autocomplete;
    if (type == ping) {
      delivery_.answer = answer_json(Json::object().set("type", std::int64_t{1}));
    } else if (type == component) {
      delivery_.answer = answer_json(Json::object().set("type", std::int64_t{6}));
    } else if (type == autocomplete) {
      delivery_.answer =
          answer_json(Json::object()
                          .set("type", std::int64_t{8})
                          .set("data", Json::object().set("choices", Json::array())));
    } else {
      read_resolved(json);
      delivery_.answer = acknowledgment();
    }
  }

  void read_message(const Json& json) {
    IncomingMessage message;
    message.external_id = json["id"].identifier();
    if (message.external_id.empty()) {
      note("message without id");
      return;
    }
    if (json["author"]["bot"].is_true() && !policy_.takes_bots) {
      note("message of a bot");
      return;
    }
    // An edit without a time of its own only adds previews.
    if (const auto edited_at = parse_rfc3339(json["edited_timestamp"].text())) {
      message.event_kind = "edit " + std::to_string(*edited_at);
    }
    message.conversation = json["channel_id"].identifier();
    if (message.conversation.empty()) message.conversation = json["lobby_id"].identifier();
    if (message.conversation.empty()) message.conversation = message.external_id;
    message.sender = json["author"]["id"].identifier();
    message.sent_at = parse_rfc3339(json["timestamp"].text());
    if (!message.sent_at) message.sent_at = snowflake_time(message.external_id);
    message.text = json["content"].text();
    read_attachments(json["attachments"], message);
    const Json forwarded = json["message_snapshots"];
    for (std::size_t i = 0; i < forwarded.size(); ++i) {
      read_attachments(forwarded[i]["message"]["attachments"], message);
    }
    note_missing_intent(json, message);
    add(std::move(message));
  }

  bool is_probe() const { return is_probe_; }

 private:
  void note(std::string text) {
    if (delivery_.notes.size() < 16) delivery_.notes.push_back(std::move(text));
  }

  void add(IncomingMessage message) {
    if (delivery_.messages.size() < kMaxMessages) delivery_.messages.push_back(std::move(message));
  }

  void note_missing_intent(const Json& json, const IncomingMessage& message) {
    if (message.text.empty() && message.media.empty() && json["embeds"].size() == 0 &&
        json["sticker_items"].size() == 0 && json["type"].integer() == 0) {
      note("an empty message: has the bot the intent MESSAGE_CONTENT?");
    }
  }

  // Files of options, and messages that a command was called on.
  void read_resolved(const Json& json) {
    const Json resolved = json["data"]["resolved"];
    IncomingMessage message;
    message.external_id = json["id"].identifier();
    if (message.external_id.empty()) return;
    message.conversation = json["channel_id"].identifier();
    if (message.conversation.empty()) message.conversation = message.external_id;
    message.sender = json["member"]["user"]["id"].identifier();
    if (message.sender.empty()) message.sender = json["user"]["id"].identifier();
    message.sent_at = snowflake_time(message.external_id);
    const Json attachments = resolved["attachments"];
    for (const std::string& id : attachments.names()) read_attachment(attachments[id], message);
    if (!message.media.empty()) add(std::move(message));
    const Json messages = resolved["messages"];
    for (const std::string& id : messages.names()) read_message(messages[id]);
  }

  http::Response acknowledgment() const {
    std::vector<IncomingMedia> media;
    for (const auto& message : delivery_.messages) {
      media.insert(media.end(), message.media.begin(), message.media.end());
    }
    const std::string text = generate_photo_acknowledgment(media);
    constexpr std::int64_t kMessage = 4;
    constexpr std::int64_t kOnlyForThem = 64;
    return answer_json(
        Json::object()
            .set("type", kMessage)
            .set("data", Json::object()
                             .set("content", text.empty() ? "There was no file to keep." : text)
                             .set("flags", kOnlyForThem)));
  }

  void read_attachments(const Json& list, IncomingMessage& message) {
    for (std::size_t i = 0; i < list.size(); ++i) read_attachment(list[i], message);
  }

  void read_attachment(const Json& json, IncomingMessage& message) {
    IncomingMedia item;
    item.url = json["url"].text();
    const std::string id = json["id"].identifier();
    if (id.empty() || item.url.empty() || item.url.size() > kMaxUrlSize) {
      note("attachment without id or usable url");
      return;
    }
    if (message.media.size() == kMaxMediaPerMessage) {
      note("more than 10 attachments: the rest is ignored");
      return;
    }
    item.index = static_cast<int>(message.media.size());
    item.provider_media_id = DiscordMediaId{message.conversation, message.external_id, id}.text();
    item.url_expires_at = discord_url_expiry(item.url);
    if (!policy_.can_refresh) item.deadline = item.url_expires_at;
    item.file_name = name_of(json);
    item.declared_mime_type = json["content_type"].text();
    item.size = json["size"].integer();
    if (item.size && *item.size < 0) item.size.reset();
    item.file_type = file_type_of_item(item);
    read_voice(json, item);
    message.media.push_back(std::move(item));
  }

  static void read_voice(const Json& json, IncomingMedia& item) {
    item.duration_seconds = json["duration_secs"].real();
    const std::string_view waveform = json["waveform"].text();
    if (waveform.size() <= kMaxWaveformSize && base64_decode(waveform)) item.waveform = waveform;
  }

  DiscordPolicy policy_;
  Delivery delivery_;
  bool is_probe_ = false;
};

}  // namespace

DiscordMediaId DiscordMediaId::parse(std::string_view text) {
  const auto first = text.find('/');
  const auto last = text.rfind('/');
  if (first == last) return {};
  return {std::string(text.substr(0, first)), std::string(text.substr(first + 1, last - first - 1)),
          std::string(text.substr(last + 1))};
}

std::optional<std::int64_t> discord_url_expiry(std::string_view url) {
  http::Request request;
  request.target = url;
  const std::string text = request.query_value("ex");
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  if (text.empty() || text.size() > 12 ||
      std::from_chars(text.data(), end, seconds, 16).ptr != end || seconds < 0) {
    return std::nullopt;
  }
  return seconds;
}

// Type 1 means PING of an interaction, but EVENT of a webhook event.
Result<Delivery> parse_discord(std::string_view body, const DiscordPolicy& policy) {
  const auto json = Json::parse(body);
  if (!json) return std::unexpected(json.error());
  DiscordReader reader(policy);
  if ((*json)["t"] && (*json)["d"]) {
    reader.read_gateway_frame(*json);
  } else if ((*json)["token"] && (*json)["type"].integer()) {
    reader.read_interaction(*json);
  } else if ((*json)["message"].is_object()) {
    reader.read_message((*json)["message"]);
  } else if ((*json)["application_id"] && (*json)["type"].integer()) {
    reader.read_webhook_event(*json);
  } else {
    return fail(ErrorCode::invalid_argument,
                "neither an interaction, nor a webhook event, nor a bridged message");
  }
  const bool is_probe = reader.is_probe();
  Delivery delivery = reader.take();
  if (!is_probe) delivery.key = hex_encode(sha256(as_bytes(body)));
  return delivery;
}

}  // namespace media::providers
