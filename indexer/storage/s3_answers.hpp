#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "indexer/storage/blob_store.hpp"

// The XML that S3 answers. Text that is not what was asked for is `storage`.
namespace media::storage {

/// Why a request was refused.
struct S3Refusal {
  int status = 0;
  std::string code;  ///< "NoSuchKey"; empty where there was no body
  std::string message;
  std::string region;      ///< the bucket's, where the request was for another
  std::string request_id;  ///< for the provider's support

  /// "403 AccessDenied: Access Denied (request 1A2B)"
  std::string text() const;
};

/// Of a status that is none of 2xx, or of a 2xx that hides an <Error>.
S3Refusal parse_s3_refusal(int status, std::string_view xml);

/// Whether a body is an <Error>, or cut off: a 200 can end in either.
bool is_s3_failure(std::string_view xml);

struct S3Listing {
  std::vector<ObjectInfo> objects;
  std::string next_token;  ///< empty: this was the last page
};

/// ListObjectsV2.
Result<S3Listing> parse_s3_listing(std::string_view xml);

/// CreateMultipartUpload.
Result<std::string> parse_s3_upload_id(std::string_view xml);

struct S3Part {
  int number = 0;
  std::uint64_t size = 0;
  std::string etag;  ///< without quotes
};

struct S3Parts {
  std::vector<S3Part> parts;
  std::string next_marker;  ///< empty: this was the last page
};

/// ListParts.
Result<S3Parts> parse_s3_parts(std::string_view xml);

/// The body of CompleteMultipartUpload.
std::string s3_completion(const std::vector<S3Part>& parts);

/// An ETag without the quotes that some servers put around it.
std::string unquoted(std::string_view etag);

}  // namespace media::storage
