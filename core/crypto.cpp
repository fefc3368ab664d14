#include "core/crypto.hpp"

#include <new>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace media {
namespace {

constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

/// OpenSSL fails here only when memory or its own set-up does.
void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("OpenSSL failed in ") + what);
}

// Fetched once: a fetch costs more than hashing a small message.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

const EVP_CIPHER* gcm_algorithm() {
  static const EVP_CIPHER* const algorithm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return algorithm;
}

/// HMAC. What depends on the key alone is kept from call to call, since most messages come with
/// the same one: it takes half as long as hashing a token.
class Hmac {
 public:
  explicit Hmac(std::string digest_name) {
    static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    context_.reset(EVP_MAC_CTX_new(algorithm));
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string("digest", digest_name.data(), 0),
        OSSL_PARAM_construct_end()};
    require(context_ && EVP_MAC_CTX_set_params(context_.get(), parameters) == 1, "HMAC set-up");
  }

  template <class Digest>
  Digest digest(ByteView key, ByteView message) {
    begin(key);
    Digest digest;
    std::size_t size = 0;
    require(EVP_MAC_update(context_.get(), message.data(), message.size()) == 1 &&
                EVP_MAC_final(context_.get(), digest.data(), &size, digest.size()) == 1,
            "HMAC");
    return digest;
  }

 private:
  void begin(ByteView key) {
    const bool is_same = key_ && equal_in_constant_time(*key_, key);
    // An empty key must not read as "keep the key of the last call", which null means.
    static constexpr std::uint8_t kEmptyKey = 0;
    const std::uint8_t* const bytes = key.empty() ? &kEmptyKey : key.data();
    if (!is_same) key_.reset();
    require(EVP_MAC_init(context_.get(), is_same ? nullptr : bytes, is_same ? 0 : key.size(),
                         nullptr) == 1,
            "HMAC");
    if (!is_same) key_.emplace(key.begin(), key.end());
  }

  std::unique_ptr<EVP_MAC_CTX, FreeMac> context_;
  std::optional<Bytes> key_;
};

}  // namespace

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  require(context_ && EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1,
          "SHA-256");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView chunk) {
  require(EVP_DigestUpdate(context_.get(), chunk.data(), chunk.size()) == 1, "SHA-256");
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest;
  require(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1 &&
              EVP_DigestInit_ex2(context_.get(), sha256_algorithm(), nullptr) == 1,
          "SHA-256");
  return digest;
}

Sha256Digest sha256(ByteView bytes) {
  // Making a context costs as much as hashing a token.
  thread_local Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Sha256Digest hmac_sha256(ByteView key, ByteView message) {
  thread_local Hmac hmac("SHA256");
  return hmac.digest<Sha256Digest>(key, message);
}

Sha384Digest hmac_sha384(ByteView key, ByteView message) {
  thread_local Hmac hmac("SHA384");
  return hmac.digest<Sha384Digest>(key, message);
}

Sha512Digest hmac_sha512(ByteView key, ByteView message) {
  thread_local Hmac hmac("SHA512");
  return hmac.digest<Sha512Digest>(key, message);
}

Sha1Digest hmac_sha1(ByteView key, ByteView message) {
  thread_local Hmac hmac("SHA1");
  return hmac.digest<Sha1Digest>(key, message);
}

bool equal_in_constant_time(ByteView left, ByteView right) {
  return left.size() == right.size() && CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

bool verify_ed25519(ByteView public_key, ByteView message, ByteView signature) {
  constexpr std::size_t kKeySize = 32;
  constexpr std::size_t kSignatureSize = 64;
  if (public_key.size() != kKeySize || signature.size() != kSignatureSize) return false;
  const std::unique_ptr<EVP_PKEY, FreeKey> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, public_key.data(), public_key.size()));
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  return key && context &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

Bytes random_bytes(std::size_t count) {
  Bytes bytes(count);
  require(RAND_bytes(bytes.data(), static_cast<int>(count)) == 1, "RAND_bytes");
  return bytes;
}

Bytes seal(ByteView key32, ByteView plaintext, ByteView associated) {
  if (key32.size() != 32) throw std::invalid_argument("a sealing key has 32 bytes");
  const CipherContext context(EVP_CIPHER_CTX_new());
  Bytes sealed = random_bytes(kNonceSize);
  sealed.resize(kNonceSize + plaintext.size() + kTagSize);
  std::uint8_t* const body = sealed.data() + kNonceSize;
  int written = 0;
  require(context &&
              EVP_EncryptInit_ex2(context.get(), gcm_algorithm(), key32.data(), sealed.data(),
                                  nullptr) == 1 &&
              EVP_EncryptUpdate(context.get(), nullptr, &written, associated.data(),
                                static_cast<int>(associated.size())) == 1 &&
              EVP_EncryptUpdate(context.get(), body, &written, plaintext.data(),
                                static_cast<int>(plaintext.size())) == 1 &&
              EVP_EncryptFinal_ex(context.get(), body + written, &written) == 1 &&
              EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagSize,
                                  body + plaintext.size()) == 1,
          "AES-GCM");
  return sealed;
}

std::optional<Bytes> unseal(ByteView key32, ByteView sealed, ByteView associated) {
  if (key32.size() != 32 || sealed.size() < kNonceSize + kTagSize) return std::nullopt;
  const CipherContext context(EVP_CIPHER_CTX_new());
  const std::size_t size = sealed.size() - kNonceSize - kTagSize;
  const ByteView body = sealed.subspan(kNonceSize, size);
  Bytes tag(sealed.end() - kTagSize, sealed.end());
  Bytes plaintext(size);
  int written = 0;
  const bool is_authentic =
      context &&
      EVP_DecryptInit_ex2(context.get(), gcm_algorithm(), key32.data(), sealed.data(), nullptr) ==
          1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &written, associated.data(),
                        static_cast<int>(associated.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), plaintext.data(), &written, body.data(),
                        static_cast<int>(body.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), plaintext.data() + written, &written) == 1;
  if (!is_authentic) return std::nullopt;
  return plaintext;
}

}  // namespace media
