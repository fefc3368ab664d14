#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/claims.hpp"
#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"
#include "core/jws_key.hpp"

namespace media {

using JwtPolicy = ClaimPolicy;

/// Tokens over this size are refused unread.
inline constexpr std::size_t kMaxJwtSize = 8192;

/// Verifies a JSON Web Token (RFC 7519) in compact form (RFC 7515): `alg` one
/// that the key it names is pinned to, no `crit`, claims as the policy asks.
/// Errors: `unauthorized` (bad signature, no key, claims that do not fit),
/// `expired`, `invalid_argument` (not a JWT). Messages never quote the token.
Result<Identity> verify_jwt(std::string_view token, const JwsKeySet& keys, const JwtPolicy& policy,
                            std::int64_t now_unix_seconds);

/// The same with one HS256 secret.
Result<Identity> verify_jwt_hs256(std::string_view token, ByteView key, const JwtPolicy& policy,
                                  std::int64_t now_unix_seconds);

/// Makes the token that verify_jwt_hs256() accepts under the same policy.
std::string sign_jwt_hs256(const Identity& identity, ByteView key, const JwtPolicy& policy,
                           std::int64_t now_unix_seconds);

/// What a token is revoked by: the SHA-256 of what is signed (header and payload) of a
/// signed one, since some signatures can be changed and stay good; of the whole of any other.
Sha256Digest revocation_digest(std::string_view token);

/// HS256 needs a key at least as long as its digest (RFC 7518 section 3.2).
inline constexpr std::size_t kMinJwtKeySize = 32;

}  // namespace media
