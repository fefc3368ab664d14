#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <boost/asio/spawn.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/error.hpp"
#include "indexer/ingest/spooled_request.hpp"
#include "indexer/unique_fd.hpp"

namespace media::ingest {

/// Makes the directory, for its owner only, when it is not there. Error `storage`.
Result<UniqueFd> open_spool_directory(const std::string& path);

/// Deliveries below `aside` of a spool's directory.
std::size_t count_set_aside(const std::string& directory);

/// A spool from outside, whoever has it.
struct SpoolView {
  std::size_t files = 0;
  std::int64_t oldest_at = 0;  ///< Unix seconds
  std::size_t set_aside = 0;
};

SpoolView look_at_spool(const std::string& directory);

struct SpoolOptions {
  std::string directory;
  std::uint64_t max_bytes = 1u << 30;
  std::size_t max_files = 100000;
};

/// Requests on disk, a durable file each, in the order of their numbers. One
/// daemon has the directory at a time. What can't be replayed goes to its
/// subdirectory `aside`, each with a file that tells the reason.
class Spool {
 public:
  struct Entry {
    std::uint64_t number = 0;  ///< microseconds since 1970, or just above the one before
    std::string account_id;
    std::uint64_t size = 0;

    std::string name() const;
  };

  Spool(SpoolOptions options, boost::asio::thread_pool& workers)
      : options_(std::move(options)), workers_(workers) {}
  Spool(const Spool&) = delete;

  /// To be called first: makes the directory when it is not there, and finds
  /// what an earlier daemon left. Error `storage`.
  Result<void> open();

  /// Durable once it returns. Error `unavailable`: full, or the disk refuses.
  Result<void> add(boost::asio::yield_context yield, const SpooledRequest& spooled);

  /// Whether requests of the account wait: later ones belong behind them.
  bool holds(const std::string& account_id) const { return waiting_.contains(account_id); }
  std::optional<Entry> first() const;
  std::size_t files() const { return files_; }
  std::uint64_t bytes() const { return bytes_; }

  /// Error `truncated`, `hash_mismatch` or `too_large`: damaged; `storage`: try again.
  Result<SpooledRequest> read(boost::asio::yield_context yield, const Entry& entry);
  Result<void> remove(boost::asio::yield_context yield, const Entry& entry);
  Result<void> set_aside(boost::asio::yield_context yield, const Entry& entry,
                         const std::string& reason);

 private:
  Result<void> open_directories();
  Result<void> scan();
  std::uint64_t next_number();
  void reserve(const Entry& entry);
  void release(const Entry& entry);
  void forget(const Entry& entry);
  Result<void> write_durably(const std::string& name, const std::string& bytes) const;
  Result<std::string> read_whole(const Entry& entry) const;
  Result<void> move_aside(const std::string& name, const std::string& reason) const;

  SpoolOptions options_;
  boost::asio::thread_pool& workers_;
  UniqueFd directory_;  ///< locked
  UniqueFd aside_;
  std::map<std::uint64_t, Entry> entries_;      ///< durable, by number
  std::map<std::string, std::size_t> waiting_;  ///< files an account, also those being written
  std::uint64_t last_number_ = 0;
  std::uint64_t bytes_ = 0;
  std::size_t files_ = 0;
  bool is_full_ = false;  ///< and the log says so
};

}  // namespace media::ingest
