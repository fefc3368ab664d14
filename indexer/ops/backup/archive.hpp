#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/error.hpp"
#include "indexer/config.hpp"
#include "indexer/ops/backup/manifest.hpp"
#include "indexer/storage/stores.hpp"
#include "indexer/unique_fd.hpp"

namespace media::backup {

using boost::asio::yield_context;

/// "blobs/ab/cd/abcd…": where content lies, by its SHA-256 in hexadecimal.
std::string blob_key(std::string_view sha256);
/// The reverse; empty for other keys.
std::string sha256_of_key(std::string_view key);
/// "20261121T230501Z"
std::string snapshot_name(std::int64_t unix_seconds);

/// Names in an archive, oldest first.
struct Snapshots {
  std::vector<std::string> complete;  ///< those with a manifest
  std::vector<std::string> partial;   ///< of backups that did not come to an end
};

/// Where backups are: a directory of this host, or a store of the configuration
/// ("store:NAME") that holds nothing else. Contents lie under `blobs/`, each once,
/// and all else under `snapshots/TIME/`.
class Archive {
 public:
  enum class Purpose { look, read, write };

  /// To write, makes a directory that is not there yet, and keeps others out for as long
  /// as it lives; to read, keeps out who writes. Errors: `conflict`, `storage`.
  static Result<std::unique_ptr<Archive>> open(const std::string& where, Purpose purpose,
                                               const Config& config,
                                               boost::asio::thread_pool& workers,
                                               storage::Stores& stores);

  storage::BlobStore& store() { return *store_; }
  Result<std::unique_ptr<storage::Upload>> begin() { return staging_->begin(); }

  /// Makes an upload durable under just this key. Error `conflict`: other bytes have it.
  Result<void> put(yield_context yield, std::unique_ptr<storage::Upload> upload,
                   const std::string& key, const Sha256Digest& digest);
  /// Gives a stored file one more name, for content of this SHA-256. False: it lies elsewhere.
  Result<bool> link(const std::string& root, const std::string& key, std::string_view sha256);
  /// Whether content, as it lies there, has the SHA-256 of its name. Error `not_found`.
  Result<bool> is_sound(yield_context yield, std::string_view sha256);

  Result<Snapshots> snapshots(yield_context yield);
  Result<Manifest> manifest(yield_context yield, const std::string& snapshot);
  /// At its beginning, with the size and SHA-256 that the manifest tells; anything else is
  /// error `hash_mismatch`.
  Result<UniqueFd> open_file(yield_context yield, const std::string& snapshot,
                             const SnapshotFile& file);
  /// The manifest first.
  Result<void> remove_snapshot(yield_context yield, const std::string& snapshot);

 private:
  Archive() = default;
  Result<void> open_directory(const std::string& path, Purpose purpose, const Config& config,
                              boost::asio::thread_pool& workers);
  Result<void> use_store(const std::string& name, const Config& config, storage::Stores& stores);
  Result<void> lock(Purpose purpose);
  Result<UniqueFd> copy_of(yield_context yield, const std::string& key);

  std::string directory_;    ///< empty: it is a store of the configuration
  std::string temporaries_;  ///< where copies of a store's files go
  UniqueFd lock_;
  std::unique_ptr<storage::Staging> own_staging_;
  std::unique_ptr<storage::BlobStore> own_store_;
  storage::Staging* staging_ = nullptr;
  storage::BlobStore* store_ = nullptr;
};

/// Runs `pg_restore --list` over a dump, which is left at its end.
Result<void> check_dump(int file);

}  // namespace media::backup
