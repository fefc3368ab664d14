#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/crypto.hpp"
#include "core/s3_credentials.hpp"
#include "core/s3_endpoint.hpp"

// AWS Signature Version 4 as S3 and its like want it: paths are encoded once
// and not normalised, which other services do.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
namespace media {

/// Names and values, not encoded.
using S3Pairs = std::vector<std::pair<std::string, std::string>>;

/// The key that signs what one secret sends to one region on one day. Deriving it costs
/// more than all else in signing: keep one of these for each store, in one thread.
class SigningKey {
 public:
  /// Derived anew only for other credentials, or another region or day (UTC), than last time.
  const Sha256Digest& of(const S3Credentials& credentials, std::string_view region,
                         std::int64_t unix_time);

 private:
  std::string secret_;
  std::string region_;
  std::int64_t day_ = -1;
  Sha256Digest key_{};
};

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
inline constexpr std::int64_t kMaxPresignSeconds = 604800;

struct S3Request {
  std::string method;
  std::string canonical_uri;  ///< see canonical_uri()
  S3Pairs query;
  /// All of them are signed, so give those that nobody on the way changes, and each once. Host
  /// is added.
  S3Pairs headers;
  std::string payload_sha256_hex;  ///< or kUnsignedPayload
};

/// The query as it is sent and signed: encoded, sorted, each name with its '='.
std::string canonical_query(const S3Pairs& query);

/// 20130524T000000Z
std::string amz_date(std::int64_t unix_time);

/// The request's headers and x-amz-date, x-amz-content-sha256, x-amz-security-token (of temporary
/// credentials) and Authorization, but without Host.
S3Pairs sign_request(const S3Request& request, const S3Endpoint& endpoint,
                     const S3Credentials& credentials, SigningKey& signing_key,
                     std::int64_t unix_time);

/// An URL that allows this one method (HEAD is not GET) for `expires_seconds` from `unix_time` on,
/// which may lie in the past. `query` holds overrides such as response-content-type. Whoever uses
/// it has to send `headers` as they are here.
std::string presign(std::string_view method, const S3Endpoint& endpoint, std::string_view key,
                    const S3Pairs& query, const S3Credentials& credentials, SigningKey& signing_key,
                    std::int64_t unix_time, std::int64_t expires_seconds,
                    const S3Pairs& headers = {});

}  // namespace media
