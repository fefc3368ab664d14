#pragma once

#include <cstdint>
#include <string>

#include "core/error.hpp"

struct json_t;

namespace media {

/// Who makes a request, and for which tenant.
struct Identity {
  std::string user;
  std::string company;
  std::string role;
  std::int64_t expires_at = 0;  ///< Unix seconds
};

/// What the claims of a session token must satisfy, and which of them say who
/// the caller is.
struct ClaimPolicy {
  std::string audience;  ///< empty: `aud` is not looked at
  std::string issuer;    ///< empty: `iss` is not looked at
  std::int64_t leeway_seconds = 0;
  std::string user_claim = "sub";
  std::string company_claim = "company";
  std::string role_claim = "role";
};

/// Checks registered claims (RFC 7519 section 4.1) and reads the identity:
/// `exp` is required, `nbf` and `iat` are respected, `aud` is a string or an
/// array. User and company must be non-empty strings without control characters.
/// Errors: `expired`, `unauthorized`.
Result<Identity> identity_of_claims(const json_t* claims, const ClaimPolicy& policy,
                                    std::int64_t now_unix_seconds);

}  // namespace media
