#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

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

  /// Verifies that the store can be written and is the one it claims to be.
  virtual Result<void> check() = 0;
};

}  // namespace media::storage
