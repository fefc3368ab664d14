#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/storage/s3_client.hpp"
#include "indexer/storage/upload_journal.hpp"

namespace media::storage {

/// What the parts of one store have in common.
struct S3PartsContext {
  boost::asio::io_context& loop;
  boost::asio::thread_pool& workers;  ///< hash the parts
  S3Client& client;
  UploadJournal* journal;  ///< null: an upload that was cut off begins anew
  const S3StoreConfig& settings;
};

/// How the bytes of one file get to one key in parts.
/// What a store makes of `If-None-Match: *`.
enum class S3Conditions {
  untried,
  kept,     ///< it was seen to refuse what would overwrite
  ignored,  ///< or was not: the key is looked at before
  refused,  ///< 501: they are not sent any more
};

struct S3PartsJob {
  const Upload& file;
  std::string key;
  const ObjectMetadata& metadata;
  S3Conditions& conditions;
};

enum class S3PartsEnd {
  stored,
  taken,  ///< somebody else had the key first
  lost,   ///< the upload is not there any more: completed unheard, or given up
};

/// The size of all parts of a file but the last: constant, as R2 wants it, and large
/// enough that S3's 10000 do.
std::uint64_t s3_part_size(std::uint64_t file_size, std::uint64_t wanted);

/// Sends a file in parts, several at a time, going on where an earlier try of the same
/// bytes was cut off. What failed stays in the journal, to be resumed.
Result<S3PartsEnd> upload_in_parts(boost::asio::yield_context yield, const S3PartsContext& context,
                                   const S3PartsJob& job);

/// Gives an upload up, with the parts that were under way when it was. Absent: no error.
Result<void> abort_upload(boost::asio::yield_context yield, S3Client& client, std::string_view key,
                          std::string_view upload_id);

}  // namespace media::storage
