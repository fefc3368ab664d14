#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/queue/job.hpp"

namespace media::queue {

/// Where the bytes of a known blob are.
struct KnownBlob {
  std::string id;
  std::string store;
  std::string storage_key;
};

/// What a download is to be recorded as.
struct Download {
  Sha256Digest sha256{};
  std::uint64_t size = 0;
  std::string mime_type;
  std::string store;                       ///< that has our key
  std::optional<std::string> storage_key;  ///< none: reuse the known blob
};

struct Completion {
  enum class Kind {
    stored,        ///< our key is the blob's now
    duplicate,     ///< an existing blob is used, under `storage_key`
    blob_missing,  ///< none is there to be reused: publish first
    key_doomed,    ///< a file of our key is being removed: publish under another
    lease_lost,    ///< nothing changed
  };
  Kind kind = Kind::lease_lost;
  std::string storage_key;
  bool is_resumed = false;  ///< the account was suspended, and is no more
};

/// What a worker has room for.
struct ClaimRequest {
  std::size_t limit = 0;
  std::size_t per_company = 0;
  std::size_t per_host = 0;
  std::vector<std::string> companies;  ///< of each job that runs
  std::vector<std::string> hosts;      ///< of each job that runs
};

/// How an attempt that did not work was recorded.
struct Recorded {
  bool has_suspended = false;  ///< the account (or its host) is suspended from now on
};

/// The queue's tables behind their functions. The seam that tests replace.
/// Every call is one statement; `unavailable` may mean done or not done.
class JobStore {
 public:
  virtual ~JobStore() = default;

  virtual Result<std::vector<Job>> claim(boost::asio::yield_context yield,
                                         const ClaimRequest& request) = 0;
  /// Those of the jobs that are still ours.
  virtual Result<std::vector<std::int64_t>> extend(boost::asio::yield_context yield,
                                                   const std::vector<std::int64_t>& jobs) = 0;
  /// Until another claim is worth its while; nothing when no job waits.
  virtual Result<std::optional<std::chrono::milliseconds>> next_delay(
      boost::asio::yield_context yield) = 0;
  virtual Result<Recorded> retry(boost::asio::yield_context yield, std::int64_t job,
                                 const Outcome& outcome) = 0;
  virtual Result<Recorded> fail_job(boost::asio::yield_context yield, std::int64_t job,
                                    const Outcome& outcome) = 0;
  virtual Result<void> release(boost::asio::yield_context yield,
                               const std::vector<std::int64_t>& jobs) = 0;

  /// Keeps what was learned about where the media is; nothing leaves as is.
  virtual Result<void> remember_source(boost::asio::yield_context yield, std::int64_t job,
                                       const std::optional<std::string>& url,
                                       std::optional<std::int64_t> url_expires_at) = 0;
  virtual Result<std::optional<KnownBlob>> find_blob(boost::asio::yield_context yield,
                                                     const Job& job,
                                                     const Sha256Digest& sha256) = 0;
  virtual Result<Completion> complete(boost::asio::yield_context yield, const Job& job,
                                      const Download& download) = 0;
  /// Ends a download whose bytes are in quarantine. False: the lease is lost.
  virtual Result<bool> quarantine(boost::asio::yield_context yield, std::int64_t job,
                                  const Download& download, const Error& why) = 0;
};

}  // namespace media::queue
