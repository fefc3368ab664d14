#pragma once

#include <string>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/ops/byte_rate.hpp"
#include "indexer/ops/file_moves.hpp"
#include "indexer/storage/blob_store.hpp"
#include "indexer/storage/staging.hpp"

namespace media::ops {

/// Reads all of a file and compares it with its row. Errors: `not_found`,
/// `size_mismatch`, `hash_mismatch`, or the store's.
Result<void> verify_file(boost::asio::yield_context yield, storage::BlobStore& store,
                         const std::string& key, const TrackedFile& file);

/// Copies files from one store to another, never more than a piece of one in memory.
class FileCopier {
 public:
  FileCopier(storage::BlobStore& source, storage::BlobStore& destination, storage::Staging& staging,
             ByteRate& rate)
      : source_(source), destination_(destination), staging_(staging), rate_(rate) {}

  /// Makes a durable copy under the key or a numbered variant; returns the key. What is
  /// not as its row says is not copied: errors as of verify_file().
  Result<std::string> copy(boost::asio::yield_context yield, const TrackedFile& file,
                           const std::string& key);

 private:
  storage::BlobStore& source_;
  storage::BlobStore& destination_;
  storage::Staging& staging_;
  ByteRate& rate_;
};

}  // namespace media::ops
