#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/sigv4.hpp"
#include "indexer/storage/s3_client.hpp"

// How objects are named and described.
namespace media::storage {

/// Keys of a bucket are those of a directory, as UTF-8. Error `invalid_argument`.
Result<void> check_object_key(std::string_view key);

/// Content-Type, and x-amz-meta- with sha256, filename (percent-encoded) and account.
S3Pairs object_headers(const ObjectMetadata& metadata);

/// What the headers of GET or HEAD say.
ObjectInfo object_info(std::string_view key, const S3Answer& answer);

}  // namespace media::storage
