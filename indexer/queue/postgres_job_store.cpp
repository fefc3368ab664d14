#include "indexer/queue/postgres_job_store.hpp"

#include <algorithm>

#include <unistd.h>

#include "core/encoding.hpp"
#include "indexer/db/group_commit.hpp"
#include "indexer/json.hpp"

namespace media::queue {
namespace {

std::string bigint_array(const std::vector<std::int64_t>& numbers) {
  std::string text = "{";
  for (const std::int64_t number : numbers) {
    if (text.size() > 1) text += ',';
    text += std::to_string(number);
  }
  return text + "}";
}

std::vector<std::string> mime_types(std::string_view json) {
  std::vector<std::string> types;
  if (json.empty()) return types;
  const auto list = Json::parse(json);
  for (std::size_t i = 0; list && i < list->size(); ++i) types.emplace_back((*list)[i].text());
  return types;
}

std::optional<Sha256Digest> digest(const db::Rows& rows, std::size_t row, std::string_view column) {
  Sha256Digest value;
  const Bytes bytes = rows.bytes(row, column);
  if (rows.is_null(row, column) || bytes.size() != value.size()) return std::nullopt;
  std::ranges::copy(bytes, value.begin());
  return value;
}

void read_media_columns(const db::Rows& rows, std::size_t row, Job& job) {
  job.provider_media_id = rows.text(row, "provider_media_id");
  job.url = rows.text(row, "url");
  job.url_expires_at = rows.integer(row, "url_expires_at");
  job.file_name = rows.text(row, "file_name");
  job.file_type = rows.text(row, "file_type");
  job.declared_mime_type = rows.text(row, "declared_mime_type");
  if (!rows.is_null(row, "expected_size")) {
    job.expected_size = static_cast<std::uint64_t>(rows.integer(row, "expected_size"));
  }
  job.expected_sha256 = digest(rows, row, "expected_sha256");
  job.is_content_new = rows.boolean(row, "is_content_new");
  job.deadline = rows.integer(row, "deadline");
  job.bucket = rows.text(row, "bucket");
  job.max_bytes = static_cast<std::uint64_t>(rows.integer(row, "max_bytes"));
  job.allowed_mime_types = mime_types(rows.text(row, "allowed_mime_types"));
  job.key_template = rows.text(row, "key_template");
}

Job read_job(const db::Rows& rows, std::size_t row) {
  Job job;
  job.id = rows.integer(row, "job_id");
  job.kind = rows.text(row, "kind");
  job.attempts = static_cast<int>(rows.integer(row, "attempts"));
  job.max_attempts = static_cast<int>(rows.integer(row, "max_attempts"));
  job.media_id = rows.text(row, "media_id");
  job.company_id = rows.text(row, "company_id");
  job.account_id = rows.text(row, "account_id");
  job.host = rows.text(row, "host");
  job.provider = rows.text(row, "provider");
  job.account_external_id = rows.text(row, "account_external_id");
  job.message_external_id = rows.text(row, "message_external_id");
  job.sender = rows.text(row, "sender");
  job.sent_at = rows.integer(row, "sent_at");
  job.item_index = static_cast<int>(rows.integer(row, "item_index"));
  job.event_kind = rows.text(row, "event_kind");
  read_media_columns(rows, row, job);
  return job;
}

Completion::Kind completion_kind(std::string_view outcome) {
  if (outcome == "stored") return Completion::Kind::stored;
  if (outcome == "duplicate") return Completion::Kind::duplicate;
  if (outcome == "blob_missing") return Completion::Kind::blob_missing;
  if (outcome == "key_doomed") return Completion::Kind::key_doomed;
  return Completion::Kind::lease_lost;
}

std::string_view scope_name(Scope scope) {
  switch (scope) {
    case Scope::host:
      return "host";
    case Scope::account:
      return "account";
    case Scope::media:
      break;
  }
  return "media";
}

class PostgresJobStore : public JobStore {
 public:
  PostgresJobStore(boost::asio::io_context& loop, db::Database& database, std::string owner,
                   std::chrono::seconds lease)
      : database_(database),
        completions_(loop, database),
        owner_(std::move(owner)),
        lease_(std::to_string(lease.count())) {}

  Result<std::vector<Job>> claim(boost::asio::yield_context yield,
                                 const ClaimRequest& request) override {
    const auto rows =
        database_.query(yield, "SELECT * FROM media.claim_jobs($1, $2, $3, $4, $5, $6, $7, $8)",
                        {owner_, std::to_string(request.limit), lease_, last_company_,
                         std::to_string(request.per_company), std::to_string(request.per_host),
                         db::text_array(request.companies), db::text_array(request.hosts)});
    if (!rows) return std::unexpected(rows.error());
    std::vector<Job> jobs;
    jobs.reserve(rows->size());
    for (std::size_t row = 0; row < rows->size(); ++row) jobs.push_back(read_job(*rows, row));
    if (!jobs.empty()) last_company_ = jobs.back().company_id;
    return jobs;
  }

  Result<std::vector<std::int64_t>> extend(boost::asio::yield_context yield,
                                           const std::vector<std::int64_t>& jobs) override {
    const auto rows = database_.query(yield, "SELECT media.extend_leases($1, $2, $3) AS job_id",
                                      {owner_, bigint_array(jobs), lease_});
    if (!rows) return std::unexpected(rows.error());
    std::vector<std::int64_t> ours;
    ours.reserve(rows->size());
    for (std::size_t row = 0; row < rows->size(); ++row) {
      ours.push_back(rows->integer(row, "job_id"));
    }
    return ours;
  }

  Result<std::optional<std::chrono::milliseconds>> next_delay(
      boost::asio::yield_context yield) override {
    const auto rows = database_.query(yield, "SELECT media.next_job_delay_ms() AS delay");
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty() || rows->is_null(0, "delay")) return std::nullopt;
    return std::chrono::milliseconds(rows->integer(0, "delay"));
  }

  Result<Recorded> retry(boost::asio::yield_context yield, std::int64_t job,
                         const Outcome& outcome) override {
    return recorded(database_.query(
        yield, "SELECT media.retry_job($1, $2, $3, $4, $5, $6, $7) AS outcome",
        {std::to_string(job), owner_, std::string(name_of(outcome.reason)), outcome.error,
         std::to_string(outcome.delay.count()), std::string(scope_name(outcome.scope)),
         std::to_string(outcome.asked.count())}));
  }

  Result<Recorded> fail_job(boost::asio::yield_context yield, std::int64_t job,
                            const Outcome& outcome) override {
    return recorded(database_.query(
        yield, "SELECT media.fail_job($1, $2, $3, $4) AS outcome",
        {std::to_string(job), owner_, std::string(name_of(outcome.reason)), outcome.error}));
  }

  Result<void> release(boost::asio::yield_context yield,
                       const std::vector<std::int64_t>& jobs) override {
    return done(
        database_.query(yield, "SELECT media.release_jobs($1, $2)", {owner_, bigint_array(jobs)}));
  }

  Result<void> remember_source(boost::asio::yield_context yield, std::int64_t job,
                               const std::optional<std::string>& url,
                               std::optional<std::int64_t> url_expires_at) override {
    db::Params params = {std::to_string(job), owner_, url, std::nullopt};
    if (url_expires_at) params[3] = std::to_string(*url_expires_at);
    return done(database_.query(yield, "SELECT media.remember_source($1, $2, $3, $4, NULL, NULL)",
                                std::move(params)));
  }

  Result<std::optional<KnownBlob>> find_blob(boost::asio::yield_context yield, const Job& job,
                                             const Sha256Digest& sha256) override {
    const auto rows = database_.query(
        yield, "SELECT blob_id, store, storage_key FROM media.find_blob($1, $2, $3)",
        {job.company_id, job.bucket, db::bytea(sha256)});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    return KnownBlob{std::string(rows->text(0, "blob_id")), std::string(rows->text(0, "store")),
                     std::string(rows->text(0, "storage_key"))};
  }

  Result<Completion> complete(boost::asio::yield_context yield, const Job& job,
                              const Download& download) override {
    const auto rows = completions_.query(
        yield,
        {"SELECT outcome, storage_key, is_resumed"
         " FROM media.complete_download($1, $2, $3, $4, $5, $6, $7)",
         {std::to_string(job.id), owner_, db::bytea(download.sha256), std::to_string(download.size),
          download.mime_type, download.store, download.storage_key}},
        job.media_id);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return Completion{};
    return Completion{completion_kind(rows->text(0, "outcome")),
                      std::string(rows->text(0, "storage_key")), rows->boolean(0, "is_resumed")};
  }

  Result<bool> quarantine(boost::asio::yield_context yield, std::int64_t job,
                          const Download& download, const Error& why) override {
    const auto rows = database_.query(
        yield, "SELECT media.quarantine_download($1, $2, $3, $4, $5, $6, $7) AS outcome",
        {std::to_string(job), owner_, db::bytea(download.sha256), std::to_string(download.size),
         download.mime_type, std::string(name_of(why.code)), why.message});
    if (!rows) return std::unexpected(rows.error());
    return !rows->empty() && rows->text(0, "outcome") == "quarantined";
  }

 private:
  static Result<Recorded> recorded(const Result<db::Rows>& rows) {
    if (!rows) return std::unexpected(rows.error());
    return Recorded{rows->text(0, "outcome") == "suspended"};
  }

  static Result<void> done(const Result<db::Rows>& rows) {
    if (!rows) return std::unexpected(rows.error());
    return {};
  }

  db::Database& database_;
  db::GroupCommit completions_;
  std::string owner_;
  std::string lease_;
  std::optional<std::string> last_company_;  ///< the next claim begins behind it
};

}  // namespace

std::unique_ptr<JobStore> make_postgres_job_store(boost::asio::io_context& loop,
                                                  db::Database& database, std::string owner,
                                                  std::chrono::seconds lease) {
  return std::make_unique<PostgresJobStore>(loop, database, std::move(owner), lease);
}

std::string make_owner_name() {
  std::string host(256, '\0');
  if (gethostname(host.data(), host.size() - 1) != 0) host = "unknown";
  host.resize(std::min(host.find('\0'), host.size()));
  return host + "/" + std::to_string(getpid()) + "/" + hex_encode(random_bytes(4));
}

}  // namespace media::queue
