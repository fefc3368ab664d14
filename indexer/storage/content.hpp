#pragma once

#include <cstdint>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/storage/blob_store.hpp"
#include "indexer/storage/upload.hpp"

namespace media::storage {

/// What bytes are known by.
struct Content {
  std::uint64_t size = 0;
  Sha256Digest sha256{};
};

/// Of a stored file, read to its end. Errors: those of retrieve().
Result<Content> content_of(boost::asio::yield_context yield, BlobStore& store,
                           std::string_view key);

/// Appends all of a stored file to an upload, and says what it was. Errors: those of retrieve()
/// and append().
Result<Content> copy_content(boost::asio::yield_context yield, BlobStore& from,
                             std::string_view key, Upload& to);

/// All bytes of an open file, from its beginning, a piece at a time. Blocks.
Result<void> read_file(int fd, const ByteSink& sink);

/// Of an open file, likewise.
Result<Content> content_of_file(int fd);

}  // namespace media::storage
