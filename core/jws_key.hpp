#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/encoding.hpp"
#include "core/error.hpp"

struct evp_pkey_st;

namespace media {

/// Signature algorithms of RFC 7518 section 3 and RFC 8037 section 3.1.
enum class JwsAlgorithm : std::uint8_t {
  hs256,
  hs384,
  hs512,
  rs256,
  rs384,
  rs512,
  ps256,
  ps384,
  ps512,
  es256,
  es384,
  es512,
  eddsa,
};

/// The algorithm of a JOSE `alg` name; nothing for "none" and unknown names.
std::optional<JwsAlgorithm> parse_jws_algorithm(std::string_view name);
std::string_view name_of(JwsAlgorithm algorithm);

/// One key together with the algorithms it may be used with. A key never
/// verifies under an algorithm of another family, so a public RSA key can't be
/// taken for an HMAC secret (RFC 8725 section 2.1).
class JwsKey {
 public:
  /// HMAC secret, at least as long as the digest (RFC 7518 section 3.2).
  static Result<JwsKey> from_secret(ByteView secret, std::vector<JwsAlgorithm> pinned,
                                    std::string key_id = "");
  /// Public key or certificate-free SubjectPublicKeyInfo in PEM. Without
  /// pinned algorithms those of the key's type and curve apply.
  static Result<JwsKey> from_pem(std::string_view pem, std::vector<JwsAlgorithm> pinned = {},
                                 std::string key_id = "");

  const std::string& key_id() const { return key_id_; }
  bool allows(JwsAlgorithm algorithm) const;
  /// False as well for an algorithm that is not allowed.
  bool verify(JwsAlgorithm algorithm, ByteView message, ByteView signature) const;

 private:
  friend class JwkReader;
  static Result<JwsKey> from_public_key(std::shared_ptr<evp_pkey_st> key,
                                        std::vector<JwsAlgorithm> pinned, std::string key_id);

  std::string key_id_;
  std::vector<JwsAlgorithm> pinned_;
  Bytes secret_;                             // for the HS algorithms
  std::shared_ptr<evp_pkey_st> public_key_;  // for all others
};

/// Keys of one issuer.
using JwsKeySet = std::vector<JwsKey>;

inline constexpr std::size_t kMaxJwksSize = 262144;
inline constexpr std::size_t kMaxJwksKeys = 64;

/// Reads a JWK set (RFC 7517 section 5) or a single JWK: kty RSA, EC (P-256,
/// P-384, P-521), OKP (Ed25519), oct. Keys with another `use` than "sig", with
/// `key_ops` that lack "verify", or of an unknown type are left out (section 5
/// asks for that); a broken key of a known type is an error, and so is a set
/// without a usable key. `oct` keys need an `alg`.
Result<JwsKeySet> parse_jwks(std::string_view text);

}  // namespace media
