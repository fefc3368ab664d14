#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media {

/// Who signs requests to an object store.
struct S3Credentials {
  std::string access_key;
  std::string secret_key;
  std::string session_token;  ///< of temporary credentials; else empty
  friend bool operator==(const S3Credentials&, const S3Credentials&) = default;
};

/// Reads a key file: the access key, the secret key and, of temporary credentials, the
/// session token, each on a line of its own. Error (`invalid_argument`): another number of
/// lines, or white space or foreign characters in one; it never shows what it read.
Result<S3Credentials> parse_s3_credentials(std::string_view text);

}  // namespace media
