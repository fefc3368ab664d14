#pragma once

#include <string>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/storage/s3_client.hpp"

// The bucket itself: whether it is there, who can read it, and its rules.
namespace media::storage {

/// Error `storage` for all but yes and no, such as a refused credential.
Result<bool> bucket_exists(boost::asio::yield_context yield, S3Client& client);

/// Private, as every new one is. One that is ours already is no error.
Result<void> create_bucket(boost::asio::yield_context yield, S3Client& client);

/// Writes, reads and removes an object of our own, and tries the same without a
/// credential: whether everybody can read. Error: it can't be written or removed.
Result<bool> is_open_to_everybody(boost::asio::yield_context yield, S3Client& client);

/// Uploads in parts that nobody completes are dropped by the store after that. A bucket
/// that has rules already keeps them: false.
Result<bool> expire_orphaned_uploads(boost::asio::yield_context yield, S3Client& client, int days);

/// Pages of these origins may read what they have a URL of.
Result<void> allow_origins(boost::asio::yield_context yield, S3Client& client,
                           const std::vector<std::string>& origins);

/// The bucket is there, can be written, and is not public when it should be private.
Result<void> probe_bucket(boost::asio::yield_context yield, S3Client& client, bool is_public);

}  // namespace media::storage
