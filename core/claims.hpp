#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace media {

class TokenObject;

/// Companies that one identity may act for.
inline constexpr std::size_t kMaxCompanies = 64;

/// Who makes a request, and for which tenants.
struct Identity {
  std::string user;
  std::vector<std::string> companies;  ///< at least one; UUIDs in lower case
  std::string role;
  std::int64_t expires_at = 0;  ///< Unix seconds
  std::int64_t issued_at = 0;   ///< likewise; 0: not said
};

/// Whether a text from outside may become a header value or a log field: at most
/// 255 bytes without control characters.
bool is_header_text(std::string_view text);

/// Adds a company to the identity, a UUID in lower case. False for a text that is
/// empty, holds a comma (which separates companies in a header) or is no header
/// text, and for more than kMaxCompanies.
bool add_company(Identity& identity, std::string_view company);

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
/// array. The user is a non-empty string without control characters; the
/// company is such a string or an array of 1 to kMaxCompanies of them.
/// Errors: `expired`, `unauthorized`.
Result<Identity> identity_of_claims(const TokenObject& claims, const ClaimPolicy& policy,
                                    std::int64_t now_unix_seconds);

}  // namespace media
