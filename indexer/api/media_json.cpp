#include "indexer/api/media_json.hpp"

namespace media::api {
namespace {

std::string utc(const std::string& value, const std::string& name) {
  return "to_char(" + value + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') AS " +
         name;
}

void set_text(Json& json, const db::Rows& rows, std::size_t row, std::string_view column) {
  if (rows.is_null(row, column)) {
    json.set_null(column);
  } else {
    json.set(column, rows.text(row, column));
  }
}

void set_number(Json& json, const db::Rows& rows, std::size_t row, std::string_view column) {
  if (rows.is_null(row, column)) {
    json.set_null(column);
  } else {
    json.set(column, rows.integer(row, column));
  }
}

void set_real(Json& json, const db::Rows& rows, std::size_t row, std::string_view column) {
  if (rows.is_null(row, column)) {
    json.set_null(column);
  } else {
    json.set(column, rows.real(row, column));
  }
}

}  // namespace

// Scalar subqueries by unique keys instead of joins: row-level security adds
// the company to every table, and with statistics from when a company was
// small, a planner joins by the company alone: quadratic, or worse.
const std::string kSelectMedia =
    "SELECT m.id, m.company_id, m.conversation_id, m.message_id, m.item_index, m.file_name, "
    "m.file_type, m.mime_type, m.declared_mime_type, m.file_size, "
    "m.duration_seconds, m.waveform, "
    "(SELECT encode(b.sha256, 'hex') FROM media.blobs AS b WHERE b.id = m.blob_id) AS sha256, "
    "(SELECT b.storage_key FROM media.blobs AS b WHERE b.id = m.blob_id) AS file_key, "
    "(SELECT a.provider FROM media.accounts AS a WHERE a.id = m.account_id) AS provider, "
    "m.provider_media_id, m.download_status, m.download_attempts, m.last_error, " +
    utc("m.url_expires_at", "url_expires_at") + ", " +
    utc("(SELECT j.run_at FROM media.jobs AS j WHERE j.media_id = m.id AND j.kind = 'download' "
        "AND j.last_error IS NOT NULL AND m.download_status = 'pending')",
        "retry_at") +
    ", " + utc("m.created_at", "created_at") + ", " + utc("m.updated_at", "updated_at") +
    " FROM media.media_files AS m WHERE m.is_active ";

Json media_json(const db::Rows& rows, std::size_t row) {
  Json json = Json::object();
  for (const char* column : {"id", "company_id", "conversation_id", "message_id"}) {
    set_text(json, rows, row, column);
  }
  set_number(json, rows, row, "item_index");
  for (const char* column : {"file_name", "file_type", "mime_type", "declared_mime_type"}) {
    set_text(json, rows, row, column);
  }
  set_number(json, rows, row, "file_size");
  set_real(json, rows, row, "duration_seconds");
  set_text(json, rows, row, "waveform");
  set_text(json, rows, row, "sha256");
  set_text(json, rows, row, "file_key");
  json.set("file_url", "/media/" + std::string(rows.text(row, "id")));
  for (const char* column : {"provider", "provider_media_id", "download_status"}) {
    set_text(json, rows, row, column);
  }
  set_number(json, rows, row, "download_attempts");
  for (const char* column : {"last_error", "url_expires_at", "created_at", "updated_at"}) {
    set_text(json, rows, row, column);
  }
  return json;
}

Json status_json(const db::Rows& rows, std::size_t row, std::optional<double> running_progress) {
  Json json = Json::object();
  set_text(json, rows, row, "id");
  set_text(json, rows, row, "download_status");
  set_number(json, rows, row, "download_attempts");
  set_text(json, rows, row, "last_error");
  set_number(json, rows, row, "file_size");
  const std::string_view status = rows.text(row, "download_status");
  if (status == "completed") {
    json.set("progress", 1.0);
  } else if (status == "pending") {
    json.set("progress", 0.0);
  } else if (status == "downloading" && running_progress) {
    json.set("progress", *running_progress);
  } else {
    json.set_null("progress");
  }
  set_text(json, rows, row, "retry_at");
  return json;
}

}  // namespace media::api
