#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/claims.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media {

/// Session cookies of NextAuth.js and its successor Auth.js: encrypted tokens
/// (RFC 7516 compact form, `alg` dir) under a key derived from the site's
/// NEXTAUTH_SECRET / AUTH_SECRET with HKDF (RFC 5869).
class NextAuthKey {
 public:
  /// v4: A256GCM, one key for all cookies of the site.
  static NextAuthKey v4(std::string_view secret);
  /// v5: A256CBC-HS512, the key is bound to the cookie's name.
  static NextAuthKey v5(std::string_view secret, std::string_view cookie_name);

  /// The decrypted claims' text; nothing for whatever this key did not make.
  /// Compression (`zip`) is refused: it would make size a matter of the sender.
  std::optional<std::string> decrypt(std::string_view token) const;

 private:
  enum class Encryption { a256gcm, a256cbc_hs512 };
  NextAuthKey(Encryption encryption, Bytes key) : encryption_(encryption), key_(std::move(key)) {}

  Encryption encryption_;
  Bytes key_;
};

/// Decrypts a session cookie and reads the identity from its claims.
/// Errors: `unauthorized`, `expired`, `invalid_argument`.
Result<Identity> verify_next_auth(std::string_view token, const NextAuthKey& key,
                                  const ClaimPolicy& policy, std::int64_t now_unix_seconds);

}  // namespace media
