#include "indexer/ingest/delivery_json.hpp"

#include "core/encoding.hpp"
#include "indexer/json.hpp"

namespace media::ingest {
namespace {

void set_text(Json& object, std::string_view key, std::string_view value) {
  if (!value.empty()) object.set(key, value);
}

void set_number(Json& object, std::string_view key, const std::optional<std::int64_t>& value) {
  if (value) object.set(key, *value);
}

Json media_item(const providers::IncomingMedia& media) {
  Json item = Json::object();
  item.set("index", std::int64_t{media.index});
  set_text(item, "provider_media_id", media.provider_media_id);
  set_text(item, "url", media.url);
  set_number(item, "url_expires_at", media.url_expires_at);
  set_text(item, "file_name", media.file_name);
  item.set("file_type", media.file_type);
  set_text(item, "declared_mime_type", media.declared_mime_type);
  set_number(item, "size", media.size);
  if (media.sha256) item.set("sha256", hex_encode(*media.sha256));
  set_number(item, "deadline", media.deadline);
  if (media.duration_seconds) item.set("duration_seconds", *media.duration_seconds);
  set_text(item, "waveform", media.waveform);
  set_text(item, "failure", media.failure);
  return item;
}

Json message_item(const providers::IncomingMessage& message, const std::string& account_id) {
  Json item = Json::object();
  item.set("account_id", account_id);
  item.set("external_id", message.external_id);
  item.set("conversation", Json::object().set("external_id", message.conversation));
  item.set("event_kind", message.event_kind);
  set_text(item, "sender", message.sender);
  set_number(item, "sent_at", message.sent_at);
  set_text(item, "text", message.text);
  if (message.is_withdrawn) item.set("is_withdrawn", true);
  Json media = Json::array();
  for (const auto& entry : message.media) media.push(media_item(entry));
  item.set("media", media);
  return item;
}

}  // namespace

std::string messages_json(const providers::Delivery& delivery, const AccountIds& accounts) {
  Json list = Json::array();
  for (const auto& message : delivery.messages) {
    const auto account = accounts.find(message.account);
    if (account != accounts.end()) list.push(message_item(message, account->second));
  }
  return list.dump();
}

std::string headers_json(const http::Request& request) {
  Json headers = Json::object();
  for (const std::string_view name :
       {"content-type", "user-agent", "webhook-id", "svix-id", "i-twilio-idempotency-token"}) {
    set_text(headers, name, request.header(name));
  }
  return headers.dump();
}

}  // namespace media::ingest
