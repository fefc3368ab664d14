#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media::storage {

/// A file being written that nobody can see yet. Dropping it without
/// BlobStore::publish() leaves nothing behind.
class Upload {
 public:
  virtual ~Upload() = default;
  /// Error `storage`: disk full, I/O error.
  virtual Result<void> append(ByteView chunk) = 0;
  virtual std::uint64_t size() const = 0;
  /// Fills `into` from `offset` on; fewer bytes only at the end. Blocks.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
};

/// What publish() made of an upload.
struct Published {
  std::string key;  ///< the wanted key, or a numbered variant when that one was taken
};

/// Where bytes live: a directory or an object store. The seam that tests replace.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  /// Starts an upload. Error `storage` when the store is not usable, for
  /// example because its marker is missing (an unmounted disk).
  virtual Result<std::unique_ptr<Upload>> begin() = 0;

  /// Makes the bytes durable and readable under a key, never overwriting: a
  /// key taken by the very same bytes is adopted, by others numbered.
  /// Durable means fsync of the file and of the directories on its path.
  virtual Result<Published> publish(boost::asio::yield_context yield,
                                    std::unique_ptr<Upload> upload, std::string_view key,
                                    const Sha256Digest& digest) = 0;

  /// Removes a key; one that is absent is no error.
  virtual Result<void> remove(boost::asio::yield_context yield, std::string_view key) = 0;

  /// Makes the bytes durable where no key leads, under a name of their own: a
  /// UUID in text. What had the name before is replaced.
  virtual Result<void> quarantine(boost::asio::yield_context yield, std::unique_ptr<Upload> upload,
                                  std::string_view name) = 0;
  /// Publishes what is in quarantine; it stays there as well. Error `not_found`.
  virtual Result<Published> release(boost::asio::yield_context yield, std::string_view name,
                                    std::string_view key, const Sha256Digest& digest) = 0;
  /// Removes what is in quarantine; what is absent is no error.
  virtual Result<void> discard(boost::asio::yield_context yield, std::string_view name) = 0;
  /// The names of what has been in quarantine for longer than that.
  virtual Result<std::vector<std::string>> quarantined(boost::asio::yield_context yield,
                                                       std::chrono::seconds min_age) = 0;

  /// Verifies that the store can be written and is the one it claims to be.
  virtual Result<void> check() = 0;
};

}  // namespace media::storage
