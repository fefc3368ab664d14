#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media {

/// A bucket, and where and how it is spoken to.
struct S3Endpoint {
  std::string scheme;  ///< "http" or "https"
  /// What the Host header says: with the port when it is not the scheme's own, and in the
  /// virtual style with the bucket in front.
  std::string host;
  std::string region;
  std::string bucket;
  bool is_path_style = true;  ///< /BUCKET/KEY at the host, not /KEY at BUCKET.host
};

/// `url` is http(s)://HOST[:PORT], `style` is "path" or "virtual". Errors
/// (`invalid_argument`) name the setting that is wrong, and why.
Result<S3Endpoint> parse_s3_endpoint(std::string_view url, std::string_view bucket,
                                     std::string_view region, std::string_view style);

/// The path of an object, or of the bucket when the key is empty, as it is sent and signed: each
/// byte of the key percent-encoded once, and nothing normalised.
std::string canonical_uri(const S3Endpoint& endpoint, std::string_view key);

/// SCHEME://HOST and this path.
std::string url_of(const S3Endpoint& endpoint, std::string_view canonical_uri);

}  // namespace media
