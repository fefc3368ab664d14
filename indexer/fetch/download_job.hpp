#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/fetch/failure.hpp"
#include "indexer/fetch/keyed_locks.hpp"
#include "indexer/fetch/retrieval.hpp"
#include "indexer/providers/registry.hpp"
#include "indexer/queue/job_store.hpp"

namespace media::fetch {

/// Runs download jobs: gets the bytes, stores them once per content, and
/// records that in one transaction.
class DownloadJobs {
 public:
  DownloadJobs(boost::asio::io_context& loop, RetrievalTools tools,
               const providers::Registry& registry, queue::JobStore& jobs, RetryPolicy policy,
               std::function<double()> random);

  /// The worker's handler.
  queue::Outcome run(boost::asio::yield_context yield, const queue::Job& job,
                     queue::JobControl& control);

  /// Looks at the store when it has not proved good since the last failure:
  /// while a disk is missing, jobs should not use up their attempts.
  Result<void> check_storage();

 private:
  queue::Outcome attempt(boost::asio::yield_context yield, const queue::Job& job,
                         queue::JobControl& control);
  void report_completed(const queue::Job& job, const ReceivedMedia& media, bool is_duplicate,
                        std::chrono::steady_clock::time_point started);
  /// What is not completed.
  void report(const queue::Job& job, const queue::Outcome& outcome,
              std::chrono::steady_clock::duration took);
  /// Also tells the account that it used.
  Attempt<ReceivedMedia> retrieve(boost::asio::yield_context yield, const queue::Job& job,
                                  const queue::JobControl& control, AccountPtr& account);
  Attempt<queue::Completion> store(boost::asio::yield_context yield, const queue::Job& job,
                                   const queue::JobControl& control, ReceivedMedia& media);
  Attempt<std::optional<queue::KnownBlob>> find_known(boost::asio::yield_context yield,
                                                      const queue::Job& job,
                                                      const queue::JobControl& control,
                                                      const ReceivedMedia& media, bool has_waited);
  Attempt<void> remove_left_over(boost::asio::yield_context yield, const queue::Job& job,
                                 const queue::KnownBlob& known, ReceivedMedia& media);
  Attempt<queue::Completion> publish(boost::asio::yield_context yield, const queue::Job& job,
                                     const queue::JobControl& control, ReceivedMedia& media,
                                     queue::Download& download);
  storage::BlobStore& store_of(const queue::Job& job) {
    return tools_.stores.of_bucket(job.bucket);
  }
  template <class Call>
  auto patiently(boost::asio::yield_context yield, const queue::JobControl& control, Call call)
      -> Attempt<typename decltype(call())::value_type>;
  queue::Outcome quarantine(boost::asio::yield_context yield, const queue::Job& job,
                            ReceivedMedia& media, const Error& why);
  void delete_at_provider(boost::asio::yield_context yield, const queue::Job& job,
                          const providers::Account& account);
  void pause(boost::asio::yield_context yield, std::chrono::milliseconds time);
  queue::Outcome fail(const queue::Job& job, const Failure& failure);

  boost::asio::io_context& loop_;
  RetrievalTools tools_;
  const providers::Registry& registry_;
  queue::JobStore& jobs_;
  RetryPolicy policy_;
  KeyedLocks contents_;
  std::function<double()> random_;
  bool is_storage_suspect_ = true;
  /// Media whose key turned out to be another blob's, or doomed: they get one of
  /// their own.
  std::unordered_set<std::string> shared_keys_;
};

/// The key that a job's template gives for bytes of a type. Error `storage`.
Result<std::string> storage_key_of(const queue::Job& job, std::string_view mime_type,
                                   std::int64_t now);

}  // namespace media::fetch
