#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/encoding.hpp"
#include "core/error.hpp"

// OpenSSL's own forward declarations, so that users of this header need none.
struct evp_md_ctx_st;

namespace media {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// SHA-256 (FIPS 180-4) over a stream of chunks.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteView chunk);
  /// The digest of all chunks; the object starts afresh afterwards.
  Sha256Digest finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Sha256Digest sha256(ByteView bytes);

using Sha384Digest = std::array<std::uint8_t, 48>;
using Sha512Digest = std::array<std::uint8_t, 64>;

/// HMAC (RFC 2104) with a hash of the SHA-2 family.
Sha256Digest hmac_sha256(ByteView key, ByteView message);
Sha384Digest hmac_sha384(ByteView key, ByteView message);
Sha512Digest hmac_sha512(ByteView key, ByteView message);

using Sha1Digest = std::array<std::uint8_t, 20>;

/// HMAC with SHA-1, only for protocols that leave no choice.
Sha1Digest hmac_sha1(ByteView key, ByteView message);

/// True when both are of one length and equal; time depends on the length only.
bool equal_in_constant_time(ByteView left, ByteView right);

/// Ed25519 (RFC 8032) signature check; false for malformed keys as well.
bool verify_ed25519(ByteView public_key, ByteView message, ByteView signature);

/// Cryptographically strong random bytes.
Bytes random_bytes(std::size_t count);

/// AES-256-GCM (NIST SP 800-38D): nonce || ciphertext || tag. `associated`
/// binds the result to its place, so that it can't be moved to another one.
Bytes seal(ByteView key32, ByteView plaintext, ByteView associated);
/// Nothing when key, place or bytes are not those of seal().
std::optional<Bytes> unseal(ByteView key32, ByteView sealed, ByteView associated);

}  // namespace media
