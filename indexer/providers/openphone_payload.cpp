#include "indexer/providers/openphone_payload.hpp"

#include <algorithm>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/json.hpp"
#include "indexer/providers/file_type.hpp"
#include "indexer/providers/timestamp.hpp"

namespace media::providers {
namespace {

using Verdict = ResolveAnswer::Verdict;

std::string first_of(std::initializer_list<std::string> candidates) {
  for (const std::string& candidate : candidates) {
    if (!candidate.empty()) return candidate;
  }
  return {};
}

class EventReader {
 public:
  // The payload is data.object of old, data.resource with data.context now.
  EventReader(const Json& event, bool takes_outgoing)
      : type_(event["type"].text()),
        object_(event["data"][event["data"]["resource"] ? "resource" : "object"]),
        context_(event["data"]["context"]),
        takes_outgoing_(takes_outgoing) {}

  Delivery read() {
    if (type_ == "message.received" || type_ == "message.delivered") {
      read_message();
    } else if (type_ == "call.recording.completed") {
      read_recordings();
    } else if (type_ == "call.completed" || type_ == "call.voicemail.completed") {
      read_voicemail();
    } else {
      note("event " + type_.substr(0, 64) + " holds no media");
    }
    return std::move(delivery_);
  }

 private:
  void note(std::string text) {
    if (delivery_.notes.size() < 16) delivery_.notes.push_back(std::move(text));
  }

  void read_message() {
    const bool is_outgoing =
        type_ == "message.delivered" || object_["direction"].text() == "outgoing";
    if (is_outgoing && !takes_outgoing_) {
      note("a message of our own");
      return;
    }
    IncomingMessage message = read_common("message", object_["id"].identifier());
    const Json media = object_["media"];
    for (std::size_t i = 0; i < media.size(); ++i) add_item(media[i], message, {});
    add(std::move(message));
  }

  void read_recordings() {
    const std::string call = object_["id"].identifier();
    IncomingMessage message = read_common("recording", call);
    const Json recordings = object_[object_["recordings"] ? "recordings" : "media"];
    for (std::size_t i = 0; i < recordings.size(); ++i) {
      const std::string id = recordings[i]["id"].identifier();
      add_item(recordings[i], message,
               "recording/" + call + "/" + (id.empty() ? std::to_string(i) : id));
    }
    add(std::move(message));
  }

  void read_voicemail() {
    const std::string call = first_of({object_["callId"].identifier(), object_["id"].identifier()});
    IncomingMessage message = read_common("voicemail", call);
    const Json voicemail = type_ == "call.completed" ? object_["voicemail"] : object_;
    if (voicemail) add_item(voicemail, message, "voicemail/" + call);
    if (!message.media.empty()) add(std::move(message));
  }

  IncomingMessage read_common(std::string_view kind, const std::string& id) const {
    IncomingMessage message;
    message.external_id = id;
    message.event_kind = kind;
    message.sender =
        first_of({object_["from"].identifier(), context_["senderIdentifier"].identifier()});
    message.conversation = first_of({object_["conversationId"].identifier(),
                                     context_["conversationId"].identifier(), message.sender, id});
    message.sent_at = parse_rfc3339(object_["createdAt"].text());
    message.text =
        first_of({std::string(object_["body"].text()), std::string(object_["text"].text())});
    return message;
  }

  // Every member may be null, the URL too.
  void add_item(const Json& json, IncomingMessage& message, const std::string& media_id) {
    IncomingMedia item;
    item.url =
        first_of({std::string(json["url"].text()), std::string(json["recordingUrl"].text())});
    if (item.url.empty() || item.url.size() > kMaxUrlSize) {
      note(message.event_kind + " without a usable url");
      return;
    }
    if (message.media.size() == kMaxMediaPerMessage) {
      note("more than 10 media: the rest is ignored");
      return;
    }
    item.index = static_cast<int>(message.media.size());
    item.provider_media_id = media_id;
    item.declared_mime_type = json["type"].text();
    item.duration_seconds = json["duration"].real();
    item.file_type = message.event_kind == "message" ? file_type_of_item(item) : "audio";
    message.media.push_back(std::move(item));
  }

  void add(IncomingMessage message) {
    if (message.external_id.empty()) {
      note(message.event_kind + " without id");
    } else {
      delivery_.messages.push_back(std::move(message));
    }
  }

  std::string type_;
  Json object_;
  Json context_;
  bool takes_outgoing_;
  Delivery delivery_;
};

Verdict verdict_of_status(int status) {
  if (status == 401 || status == 403) return Verdict::refused;
  if (status == 404 || status == 410) return Verdict::gone;
  if (status == 429) return Verdict::rate_limited;
  if (status == 400) return Verdict::bad_request;
  return Verdict::retry;
}

// The list, wherever an API version has it, or the only thing there is.
Json entry_of(const Json& data, std::string_view media_id) {
  const Json list = data.is_array() ? data : data["recordings"];
  const std::string_view wanted = media_id.substr(media_id.rfind('/') + 1);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string id = list[i]["id"].identifier();
    if (id == wanted || std::to_string(i) == wanted) return list[i];
  }
  if (media_id.starts_with("recording/")) return {};
  return data["voicemail"] ? data["voicemail"] : data;
}

}  // namespace

Result<Delivery> parse_openphone(std::string_view body, bool takes_outgoing) {
  const auto json = Json::parse(body);
  if (!json) return std::unexpected(json.error());
  if ((*json)["type"].text().empty() || !(*json)["data"].is_object()) {
    return fail(ErrorCode::invalid_argument, "the body must be an object with type and data");
  }
  Delivery delivery = EventReader(*json, takes_outgoing).read();
  delivery.key = (*json)["id"].identifier();
  if (delivery.key.empty()) delivery.key = hex_encode(sha256(as_bytes(body)));
  return delivery;
}

ResolveAnswer read_openphone_call(std::string_view media_id, int status, std::string_view body) {
  ResolveAnswer answer;
  const auto json = Json::parse(body);
  if (status != 200 || !json) {
    answer.verdict = verdict_of_status(status);
    answer.message = "the API answered " + std::to_string(status);
    return answer;
  }
  const Json entry = entry_of((*json)["data"], media_id);
  answer.url =
      first_of({std::string(entry["url"].text()), std::string(entry["recordingUrl"].text())});
  if (answer.url.empty() || answer.url.size() > kMaxUrlSize) {
    answer.url.clear();
    answer.verdict = Verdict::gone;
    answer.message = "the API has no URL for it";
    return answer;
  }
  answer.verdict = Verdict::found;
  return answer;
}

}  // namespace media::providers
