#include "indexer/fetch/download_job.hpp"

#include <algorithm>
#include <chrono>

#include <boost/asio/steady_timer.hpp>

#include "core/encoding.hpp"
#include "core/media_type.hpp"
#include "core/storage_key.hpp"
#include "indexer/log.hpp"

namespace media::fetch {
namespace {

using queue::Completion;
using queue::Outcome;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kLeaseMargin{500};
constexpr int kDeletionAttempts = 3;
constexpr milliseconds kDeletionPause{1000};

std::string_view category_of(std::string_view event_kind) {
  if (event_kind == "voicemail") return "voicemails";
  return event_kind == "recording" ? "recordings" : "messages";
}

std::string_view without_extension(std::string_view name) {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot == 0 ? name : name.substr(0, dot);
}

// Enough to find the content by, too little to be mistaken for a checksum.
constexpr std::size_t kHashPrefix = 12;

std::int64_t milliseconds_of(Clock::duration time) {
  return std::chrono::duration_cast<milliseconds>(time).count();
}

void log_started(const queue::Job& job) {
  log::info("media_download_started", {{"media_id", job.media_id},
                                       {"provider", job.provider},
                                       {"company", job.company_id},
                                       {"account_id", job.account_id},
                                       {"message_id", job.message_external_id},
                                       {"job_id", job.id},
                                       {"attempts", std::int64_t{job.attempts}}});
}

void log_failed(const queue::Job& job, const Outcome& outcome, Clock::duration took) {
  const bool is_final = outcome.kind == Outcome::Kind::failed;
  log::write(is_final ? log::Level::error : log::Level::warn, "media_download_failed",
             {{"media_id", job.media_id},
              {"provider", job.provider},
              {"company", job.company_id},
              {"reason", std::string(name_of(outcome.reason))},
              {"error", outcome.error},
              {"attempts", std::int64_t{job.attempts}},
              {"is_final", is_final},
              {"duration_ms", milliseconds_of(took)}});
}

void log_retry(const queue::Job& job, const Outcome& outcome) {
  log::info("media_retry_triggered", {{"media_id", job.media_id},
                                      {"provider", job.provider},
                                      {"company", job.company_id},
                                      {"reason", std::string(name_of(outcome.reason))},
                                      {"attempts", std::int64_t{job.attempts}},
                                      {"retry_in_ms", std::int64_t{outcome.delay.count()}}});
}

// Until the provider has lost the media, as far as that is known.
std::optional<std::int64_t> seconds_left(const queue::Job& job, std::int64_t now) {
  const std::int64_t end = job.deadline != 0 ? job.deadline : job.url_expires_at;
  if (end == 0) return std::nullopt;
  return end - now;
}

// Whether the keys of this company are its own. Else a file with our bytes may
// be another tenant's.
bool has_own_keys(const queue::Job& job) {
  return job.key_template.find("{company}") != std::string::npos;
}

// "a/b.jpg" -> "a/b-SUFFIX.jpg"
std::string key_with(const std::string& key, const std::string& suffix) {
  const auto dot = std::min(key.rfind('.'), key.size());
  return key.substr(0, dot) + "-" + suffix + key.substr(dot);
}

storage::ObjectMetadata metadata_of(const queue::Job& job, const ReceivedMedia& media) {
  return {media.mime_type, job.file_name, job.account_id, media.sha256};
}

class ProgressEntry {
 public:
  ProgressEntry(ProgressBoard& board, const std::string& media_id)
      : board_(board), media_id_(media_id) {}
  ~ProgressEntry() { board_.remove(media_id_); }
  ProgressEntry(const ProgressEntry&) = delete;
  ProgressEntry& operator=(const ProgressEntry&) = delete;

 private:
  ProgressBoard& board_;
  const std::string& media_id_;
};

}  // namespace

Result<std::string> storage_key_of(const queue::Job& job, std::string_view mime_type,
                                   std::int64_t now) {
  StorageKeyFields fields;
  fields.company = job.company_id;
  fields.account = job.account_external_id;
  fields.message = job.message_external_id;
  fields.phone = job.sender;
  fields.category = category_of(job.event_kind);
  fields.name = without_extension(job.file_name);
  if (fields.name.empty()) fields.name = job.media_id;
  fields.ext = extension_of(mime_type);
  fields.index = job.item_index;
  fields.unix_time = job.sent_at > 0 ? job.sent_at : now;
  auto key = expand_storage_key(job.key_template, fields);
  if (key) return key;
  return media::fail(ErrorCode::storage,
                     "key template of bucket " + job.bucket + ": " + key.error().message);
}

DownloadJobs::DownloadJobs(boost::asio::io_context& loop, RetrievalTools tools,
                           const providers::Registry& registry, queue::JobStore& jobs,
                           RetryPolicy policy, std::function<double()> random)
    : loop_(loop),
      tools_(std::move(tools)),
      registry_(registry),
      jobs_(jobs),
      policy_(policy),
      contents_(loop),
      random_(std::move(random)) {}

// The bytes are there: it is worth waiting for the database while they are ours.
template <class Call>
auto DownloadJobs::patiently(boost::asio::yield_context yield, const queue::JobControl& control,
                             Call call) -> Attempt<typename decltype(call())::value_type> {
  for (milliseconds wait(100);; wait = std::min(wait * 2, milliseconds(2000))) {
    auto result = call();
    if (result) return std::move(*result);
    const bool is_passing = result.error().code == ErrorCode::unavailable;
    if (!is_passing || control.is_cancelled() ||
        Clock::now() + wait + kLeaseMargin > control.lease_until) {
      return failed(result.error());
    }
    pause(yield, wait);
  }
}

void DownloadJobs::pause(boost::asio::yield_context yield, milliseconds time) {
  boost::asio::steady_timer timer(loop_, time);
  boost::system::error_code ignored;
  timer.async_wait(yield[ignored]);
}

Outcome DownloadJobs::run(boost::asio::yield_context yield, const queue::Job& job,
                          queue::JobControl& control) {
  const auto started = Clock::now();
  log_started(job);
  tools_.metrics.download_started(job.provider);
  const Outcome outcome = attempt(yield, job, control);
  if (outcome.kind != Outcome::Kind::completed) report(job, outcome, Clock::now() - started);
  return outcome;
}

void DownloadJobs::report_completed(const queue::Job& job, const ReceivedMedia& media,
                                    bool is_duplicate, Clock::time_point started) {
  const auto took = Clock::now() - started;
  tools_.metrics.download_completed(
      job.provider, {media.size, is_duplicate, took, seconds_left(job, tools_.now())});
  log::info("media_download_completed",
            {{"media_id", job.media_id},
             {"provider", job.provider},
             {"company", job.company_id},
             {"bytes", static_cast<std::int64_t>(media.size)},
             {"mime_type", media.mime_type},
             {"sha256_prefix", hex_encode(media.sha256).substr(0, kHashPrefix)},
             {"is_duplicate", is_duplicate},
             {"attempts", std::int64_t{job.attempts}},
             {"duration_ms", milliseconds_of(took)}});
}

void DownloadJobs::report(const queue::Job& job, const Outcome& outcome, Clock::duration took) {
  const bool is_final = outcome.kind == Outcome::Kind::failed;
  if (!is_final && outcome.kind != Outcome::Kind::retry) {
    tools_.metrics.download_abandoned(job.provider);
    return;
  }
  log_failed(job, outcome, took);
  if (is_final) {
    tools_.metrics.download_failed(job.provider, outcome.reason);
    return;
  }
  tools_.metrics.download_retried(job.provider, outcome.reason);
  log_retry(job, outcome);
}

Outcome DownloadJobs::attempt(boost::asio::yield_context yield, const queue::Job& job,
                              queue::JobControl& control) {
  const auto started = Clock::now();
  const ProgressEntry progress(tools_.progress, job.media_id);
  AccountPtr account;
  auto media = retrieve(yield, job, control, account);
  if (!media) return fail(job, media.error());
  const auto finding = examine(yield, *media, job, tools_.inspect);
  if (!finding) return fail(job, finding.error());
  if (*finding) return quarantine(yield, job, *media, **finding);
  const auto completion = store(yield, job, control, *media);
  if (!completion) return fail(job, completion.error());
  if (completion->kind == Completion::Kind::lease_lost) {
    return {.kind = Outcome::Kind::lease_lost, .error = {}};
  }
  shared_keys_.erase(job.media_id);
  report_completed(job, *media, completion->kind == Completion::Kind::duplicate, started);
  if (completion->is_resumed) {
    log::info("account_resumed", {{"account_id", job.account_id},
                                  {"provider", job.provider},
                                  {"external_id", job.account_external_id}});
  }
  delete_at_provider(yield, job, *account);
  return {};
}

Outcome DownloadJobs::quarantine(boost::asio::yield_context yield, const queue::Job& job,
                                 ReceivedMedia& media, const Error& why) {
  const auto kept = set_aside(yield, tools_.stores.staging(), jobs_, job, media, why);
  if (!kept) return fail(job, kept.error());
  if (!*kept) return {.kind = Outcome::Kind::lease_lost, .error = {}};
  if (tools_.on_quarantined) tools_.on_quarantined();
  return {};
}

// Best effort: the media is safe here, and there is no job to come back to.
void DownloadJobs::delete_at_provider(boost::asio::yield_context yield, const queue::Job& job,
                                      const providers::Account& account) {
  const auto request =
      registry_.find(job.provider)->delete_request({job.provider_media_id, job.url}, account);
  if (!request) return;
  std::string problem;
  for (int attempt = 1; attempt <= kDeletionAttempts; ++attempt) {
    std::string body;
    const auto response = call_api(yield, tools_.client, *request, body);
    const int status = response ? response->status : 0;
    if ((status >= 200 && status < 300) || status == 404) {
      log::info("provider_copy_deleted", {{"media_id", job.media_id}, {"provider", job.provider}});
      return;
    }
    problem = response ? "answer " + std::to_string(status) : response.error().message;
    const bool is_passing = status == 0 || status == 429 || status >= 500;
    if (!is_passing || (!response && response.error().code == ErrorCode::cancelled)) break;
    if (attempt < kDeletionAttempts) pause(yield, kDeletionPause);
  }
  log::warn("provider_copy_kept",
            {{"media_id", job.media_id}, {"provider", job.provider}, {"error", problem}});
}

Result<void> DownloadJobs::check_storage() {
  if (!is_storage_suspect_) return {};
  auto checked = tools_.stores.check();
  is_storage_suspect_ = !checked;
  return checked;
}

Outcome DownloadJobs::fail(const queue::Job& job, const Failure& failure) {
  if (failure.error.code == ErrorCode::storage) is_storage_suspect_ = true;
  return outcome_of(failure, job, policy_, tools_.now(), random_());
}

Attempt<ReceivedMedia> DownloadJobs::retrieve(boost::asio::yield_context yield,
                                              const queue::Job& job,
                                              const queue::JobControl& control,
                                              AccountPtr& account) {
  const providers::Provider* provider = registry_.find(job.provider);
  if (provider == nullptr || job.kind != "download") {
    return failed(ErrorCode::internal, "this version can't " + job.kind + " for " + job.provider);
  }
  if (job.deadline != 0 && tools_.now() >= job.deadline) {
    return failed(ErrorCode::expired, "the provider keeps media no longer than this");
  }
  Retrieval retrieval(tools_, *provider, job, control);
  auto media = retrieval.run(yield);
  account = retrieval.account();
  const SourceNews& news = retrieval.news();
  if (!media && (news.url || news.url_expires_at)) {
    // Best effort: without it the next attempt only resolves once more.
    if (auto kept = jobs_.remember_source(yield, job.id, news.url, news.url_expires_at); !kept) {
      log::warn("source_not_remembered", {{"job_id", job.id}, {"error", kept.error().message}});
    }
  }
  return media;
}

Attempt<Completion> DownloadJobs::store(boost::asio::yield_context yield, const queue::Job& job,
                                        const queue::JobControl& control, ReceivedMedia& media) {
  queue::Download download;
  download.sha256 = media.sha256;
  download.size = media.size;
  download.mime_type = media.mime_type;
  download.store = store_of(job).name();
  // Twins that arrive together: the second one finds the blob of the first.
  const auto content =
      contents_.acquire(yield, job.company_id + "/" + job.bucket + "/" + hex_encode(media.sha256));
  const auto known = find_known(yield, job, control, media, content.has_waited());
  if (!known) return std::unexpected(known.error());
  if (*known && job.attempts > 1) {
    if (auto removed = remove_left_over(yield, job, **known, media); !removed) {
      return std::unexpected(removed.error());
    }
  }
  const auto complete = [&] { return jobs_.complete(yield, job, download); };
  Attempt<Completion> completion = Completion{Completion::Kind::blob_missing, {}, false};
  if (*known) completion = patiently(yield, control, complete);
  if (completion && completion->kind == Completion::Kind::blob_missing) {
    if (media.upload == nullptr) {
      return std::unexpected(
          Failure{{ErrorCode::conflict, "the known content was deleted meanwhile"},
                  Remedy::retry,
                  {},
                  queue::Scope::media});
    }
    completion = publish(yield, job, control, media, download);
  }
  // A lost lease with our key in use: an earlier call did commit, its answer got lost.
  if (completion && completion->kind == Completion::Kind::lease_lost && download.storage_key &&
      completion->storage_key == *download.storage_key) {
    completion->kind = Completion::Kind::stored;
  }
  return completion;
}

// What was new when the job was claimed is not asked for: should somebody have stored it since,
// complete() finds out, and our file goes again.
Attempt<std::optional<queue::KnownBlob>> DownloadJobs::find_known(boost::asio::yield_context yield,
                                                                  const queue::Job& job,
                                                                  const queue::JobControl& control,
                                                                  const ReceivedMedia& media,
                                                                  bool has_waited) {
  const bool was_new = job.is_content_new && media.sha256 == job.expected_sha256;
  if (was_new && !has_waited && job.attempts == 1) return std::nullopt;
  return patiently(yield, control, [&] { return jobs_.find_blob(yield, job, media.sha256); });
}

// An attempt that was killed between publishing and recording left a file that
// no row names. Publishing again finds it (or makes it), and then it can go.
Attempt<void> DownloadJobs::remove_left_over(boost::asio::yield_context yield,
                                             const queue::Job& job, const queue::KnownBlob& known,
                                             ReceivedMedia& media) {
  const auto key = storage_key_of(job, media.mime_type, tools_.now());
  const bool is_known = key && known.store == store_of(job).name() && *key == known.storage_key;
  if (!key || is_known || !has_own_keys(job)) return {};
  storage::BlobStore& store = store_of(job);
  const auto metadata = metadata_of(job, media);
  const auto published = store.publish(yield, std::move(media.upload), *key, metadata);
  if (!published) return failed(published.error());
  if (store.name() == known.store && published->key == known.storage_key) return {};
  const auto removed = store.remove(yield, published->key);
  if (!removed) return failed(removed.error());
  return {};
}

Attempt<Completion> DownloadJobs::publish(boost::asio::yield_context yield, const queue::Job& job,
                                          const queue::JobControl& control, ReceivedMedia& media,
                                          queue::Download& download) {
  auto key = storage_key_of(job, media.mime_type, tools_.now());
  if (!key) return failed(key.error());
  if (shared_keys_.contains(job.media_id)) key = key_with(*key, "j" + std::to_string(job.id));
  if (control.is_cancelled()) return failed(ErrorCode::cancelled, "cancelled");
  const auto started = Clock::now();
  storage::BlobStore& store = store_of(job);
  const auto metadata = metadata_of(job, media);
  const auto published = store.publish(yield, std::move(media.upload), *key, metadata);
  if (!published) return failed(published.error());
  tools_.metrics.blob_published(Clock::now() - started);
  download.storage_key = published->key;
  const auto complete = [&] { return jobs_.complete(yield, job, download); };
  auto completion = patiently(yield, control, complete);
  const bool is_conflict = !completion && completion.error().error.code == ErrorCode::conflict;
  if (is_conflict || (completion && completion->kind == Completion::Kind::key_doomed)) {
    // A template without {company}: the key with these bytes is another tenant's.
    // Or the media were deleted, and what they had is being removed.
    shared_keys_.insert(job.media_id);
    return std::unexpected(Failure{
        {ErrorCode::storage, "key " + published->key + " can't be used: it gets another one"},
        Remedy::retry,
        {},
        queue::Scope::media});
  }
  // The same content was stored by another job at the same moment. When in
  // doubt (lease lost, no answer) the file stays: a row may point to it.
  if (completion && completion->kind == Completion::Kind::duplicate && has_own_keys(job) &&
      completion->storage_key != published->key) {
    if (auto removed = store.remove(yield, published->key); !removed) {
      log::warn("spare_file_not_removed", {{"error", removed.error().message}});
    }
  }
  return completion;
}

}  // namespace media::fetch
