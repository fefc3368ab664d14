#include <chrono>
#include <cstdio>
#include <utility>

#include "core/storage_key.hpp"
#include "indexer/fetch/download_job.hpp"
#include "indexer/json.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/storage/stores.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::string_view kListed = "10000";

std::unexpected<Error> not_in_quarantine(const std::string& id) {
  return fail(ErrorCode::not_found, "media " + id + " is not in quarantine");
}

std::int64_t unix_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

/// What the storage key is made of.
queue::Job job_of(const db::Rows& rows) {
  queue::Job job;
  job.media_id = rows.text(0, "media_id");
  job.company_id = rows.text(0, "company_id");
  job.account_external_id = rows.text(0, "account_external_id");
  job.message_external_id = rows.text(0, "message_external_id");
  job.sender = rows.text(0, "sender");
  job.sent_at = rows.integer(0, "sent_at");
  job.item_index = static_cast<int>(rows.integer(0, "item_index"));
  job.event_kind = rows.text(0, "event_kind");
  job.file_name = rows.text(0, "file_name");
  job.bucket = rows.text(0, "bucket");
  job.key_template = rows.text(0, "key_template");
  return job;
}

storage::ObjectMetadata metadata_of(const db::Rows& rows, const queue::Job& job) {
  storage::ObjectMetadata metadata;
  metadata.content_type = rows.text(0, "mime_type");
  metadata.file_name = job.file_name;
  metadata.account_id = rows.text(0, "account_id");
  std::ranges::copy(rows.bytes(0, "sha256"), metadata.sha256.begin());
  return metadata;
}

std::string quarantine_json(const db::Rows& rows) {
  Json list = Json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json item = Json::object();
    for (const char* column : {"media_id", "company", "provider", "file_type", "file_name",
                               "mime_type", "sha256", "error", "created_at"}) {
      item.set_or_null(column, rows.optional_text(row, column));
    }
    item.set("size", rows.integer(row, "size"));
    list.push(item);
  }
  return list.dump();
}

std::string quarantine_text(const db::Rows& rows) {
  std::string text;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (row > 0) text += '\n';
    for (const char* column : {"media_id", "created_at", "company", "provider", "size"}) {
      text += std::string(rows.text(row, column)) + "  ";
    }
    text += rows.text(row, "error");
  }
  return text;
}

std::string result_of(const CommandLine& line, std::string_view state, std::string_view key) {
  if (!line.as_json) return std::string(key);
  Json result = Json::object().set("media_id", line.name).set("download_status", state);
  if (!key.empty()) result.set("file_key", key);
  return result.dump();
}

/// Publishes the bytes under a key and records that: the outcome and the key in use, as of
/// media.release_quarantined().
Result<std::pair<std::string, std::string>> release_as(db::Database& database, yield_context yield,
                                                       storage::Stores& stores,
                                                       const CommandLine& line,
                                                       const db::Rows& rows,
                                                       const std::string& key) {
  const queue::Job job = job_of(rows);
  auto upload = stores.staging().open_quarantined(yield, line.name);
  if (!upload) return std::unexpected(upload.error());
  storage::BlobStore& store = stores.of_bucket(job.bucket);
  const auto published = store.publish(yield, std::move(*upload), key, metadata_of(rows, job));
  if (!published) return std::unexpected(published.error());
  const auto done = database.query(
      yield, "SELECT outcome, storage_key FROM media.release_quarantined($1, $2, $3)",
      {line.name, std::string(store.name()), published->key});
  if (!done) return std::unexpected(done.error());
  const std::string outcome(done->text(0, "outcome"));
  const bool has_own_key = key.find(std::string(rows.text(0, "company_id"))) != std::string::npos;
  if (outcome == "duplicate" && has_own_key) {
    // Or a sweep does it.
    if (auto removed = store.remove(yield, published->key); !removed) {
      return std::unexpected(removed.error());
    }
  }
  return std::pair(outcome, std::string(done->text(0, "storage_key")));
}

/// Publishes, records, and only then gives up the file in quarantine.
Result<std::string> release(db::Database& database, yield_context yield, storage::Stores& stores,
                            const CommandLine& line) {
  constexpr int kMaxKeys = 10;
  const auto rows = database.query(yield, "SELECT * FROM media.quarantined_media($1)", {line.name});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return not_in_quarantine(line.name);
  const auto key = fetch::storage_key_of(job_of(*rows), rows->text(0, "mime_type"), unix_now());
  if (!key) return std::unexpected(key.error());
  for (int number = 0; number < kMaxKeys; ++number) {
    const std::string variant = number == 0 ? *key : numbered_storage_key(*key, number);
    const auto done = release_as(database, yield, stores, line, *rows, variant);
    if (!done) return std::unexpected(done.error());
    const auto& [outcome, used] = *done;
    if (outcome == "key_doomed") continue;
    if (outcome == "not_found") return not_in_quarantine(line.name);
    if (auto gone = stores.staging().discard(yield, line.name); !gone) {
      return std::unexpected(gone.error());
    }
    return result_of(line, "completed", used);
  }
  return fail(ErrorCode::conflict, "files of this media are being removed: try it again later");
}

}  // namespace

Result<std::string> list_quarantine(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto rows = database.query(
            yield,
            "SELECT media_id, company, provider, file_type, file_name, mime_type, size, sha256, "
            "error, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS "
            "created_at FROM media.list_quarantine($1)",
            {std::string(kListed)});
        if (!rows) return std::unexpected(rows.error());
        std::int64_t bytes = 0;
        for (std::size_t row = 0; row < rows->size(); ++row) bytes += rows->integer(row, "size");
        std::fprintf(stderr, "%zu in quarantine, %lld bytes\n", rows->size(),
                     static_cast<long long>(bytes));
        return line.as_json ? quarantine_json(*rows) : quarantine_text(*rows);
      });
}

Result<std::string> release_from_quarantine(const Config& config, const CommandLine& line) {
  return with_stores(config,
                     [&](db::Database& database, yield_context yield, storage::Stores& stores) {
                       return release(database, yield, stores, line);
                     });
}

Result<std::string> delete_from_quarantine(const Config& config, const CommandLine& line) {
  return with_stores(config,
                     [&](db::Database& database, yield_context yield,
                         storage::Stores& stores) -> Result<std::string> {
                       const auto rows = database.query(
                           yield, "SELECT media.delete_quarantined($1) AS deleted", {line.name});
                       if (!rows) return std::unexpected(rows.error());
                       if (!rows->boolean(0, "deleted")) return not_in_quarantine(line.name);
                       if (auto gone = stores.staging().discard(yield, line.name); !gone) {
                         return std::unexpected(gone.error());
                       }
                       return result_of(line, "failed", "");
                     });
}

}  // namespace media::ops
