#include "core/jws_key.hpp"

#include <algorithm>
#include <array>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "core/crypto.hpp"
#include "core/jws_algorithm.hpp"

namespace media {
namespace {

constexpr int kMinRsaBits = 2048;  // RFC 7518 section 3.3

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};

bool verify_hmac(JwsAlgorithm algorithm, ByteView secret, ByteView message, ByteView signature) {
  switch (algorithm) {
    case JwsAlgorithm::hs384:
      return equal_in_constant_time(signature, hmac_sha384(secret, message));
    case JwsAlgorithm::hs512:
      return equal_in_constant_time(signature, hmac_sha512(secret, message));
    default:
      return equal_in_constant_time(signature, hmac_sha256(secret, message));
  }
}

/// JOSE writes ECDSA signatures as r || s (RFC 7518 section 3.4), OpenSSL reads DER.
Bytes ecdsa_to_der(ByteView raw) {
  const std::unique_ptr<ECDSA_SIG, Free> signature(ECDSA_SIG_new());
  const auto half = static_cast<int>(raw.size() / 2);
  BIGNUM* const r = BN_bin2bn(raw.data(), half, nullptr);
  BIGNUM* const s = BN_bin2bn(raw.data() + half, half, nullptr);
  if (!signature || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return {};
  }
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  Bytes bytes(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return bytes;
}

bool use_pss_padding(EVP_PKEY_CTX* context) {
  // The salt is as long as the digest (RFC 7518 section 3.5).
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool verify_public(const JwsAlgorithmTraits& traits, EVP_PKEY* key, ByteView message,
                   ByteView signature) {
  const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  if (!context || EVP_DigestVerifyInit_ex(context.get(), &key_context, traits.digest, nullptr,
                                          nullptr, key, nullptr) != 1) {
    return false;
  }
  if (traits.family == JwsFamily::rsa_pss && !use_pss_padding(key_context)) return false;
  Bytes der;
  if (traits.family == JwsFamily::ecdsa) {
    der = ecdsa_to_der(signature);
    signature = der;
  }
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

/// The algorithms that a public key can serve at all.
std::vector<JwsAlgorithm> algorithms_of(EVP_PKEY* key) {
  using enum JwsAlgorithm;
  if (EVP_PKEY_is_a(key, "RSA") == 1) return {rs256, rs384, rs512, ps256, ps384, ps512};
  if (EVP_PKEY_is_a(key, "RSA-PSS") == 1) return {ps256, ps384, ps512};
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return {eddsa};
  std::array<char, 64> curve{};
  if (EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) == 1) {
    for (const JwsAlgorithm algorithm : {es256, es384, es512}) {
      if (std::string_view(traits_of(algorithm).curve) == curve.data()) return {algorithm};
    }
  }
  return {};
}

}  // namespace

Result<JwsKey> JwsKey::from_secret(ByteView secret, std::vector<JwsAlgorithm> pinned,
                                   std::string key_id) {
  if (pinned.empty()) return fail(ErrorCode::invalid_argument, "a secret needs an algorithm");
  for (const JwsAlgorithm algorithm : pinned) {
    const JwsAlgorithmTraits& traits = traits_of(algorithm);
    if (traits.family != JwsFamily::hmac) {
      return fail(ErrorCode::invalid_argument,
                  std::string(traits.name) + " needs a public key, not a secret");
    }
    if (secret.size() < traits.signature_size) {
      return fail(ErrorCode::invalid_argument,
                  "a secret for " + std::string(traits.name) + " has at least " +
                      std::to_string(traits.signature_size) + " bytes, this one " +
                      std::to_string(secret.size()));
    }
  }
  JwsKey key;
  key.key_id_ = std::move(key_id);
  key.pinned_ = std::move(pinned);
  key.secret_.assign(secret.begin(), secret.end());
  return key;
}

Result<JwsKey> JwsKey::from_pem(std::string_view pem, std::vector<JwsAlgorithm> pinned,
                                std::string key_id) {
  const std::unique_ptr<BIO, Free> source(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* const key = PEM_read_bio_PUBKEY(source.get(), nullptr, nullptr, nullptr);
  ERR_clear_error();
  if (key == nullptr) {
    return fail(
        ErrorCode::invalid_argument,
        "not a PEM public key (\"BEGIN PUBLIC KEY\"), as \"openssl pkey -pubout\" makes it");
  }
  return from_public_key({key, EVP_PKEY_free}, std::move(pinned), std::move(key_id));
}

Result<JwsKey> JwsKey::from_public_key(std::shared_ptr<evp_pkey_st> public_key,
                                       std::vector<JwsAlgorithm> pinned, std::string key_id) {
  auto possible = algorithms_of(public_key.get());
  if (possible.empty()) {
    return fail(ErrorCode::invalid_argument,
                "key is not RSA, EC on P-256, P-384 or P-521, or Ed25519");
  }
  const bool is_rsa = EVP_PKEY_get_base_id(public_key.get()) == EVP_PKEY_RSA ||
                      EVP_PKEY_get_base_id(public_key.get()) == EVP_PKEY_RSA_PSS;
  if (is_rsa && EVP_PKEY_get_bits(public_key.get()) < kMinRsaBits) {
    return fail(ErrorCode::invalid_argument, "RSA key is shorter than 2048 bits");
  }
  for (const JwsAlgorithm algorithm : pinned) {
    if (std::find(possible.begin(), possible.end(), algorithm) == possible.end()) {
      return fail(ErrorCode::invalid_argument,
                  "the key cannot be used with " + std::string(name_of(algorithm)));
    }
  }
  JwsKey key;
  key.key_id_ = std::move(key_id);
  key.pinned_ = std::move(pinned.empty() ? possible : pinned);
  key.public_key_ = std::move(public_key);
  return key;
}

bool JwsKey::allows(JwsAlgorithm algorithm) const {
  return std::find(pinned_.begin(), pinned_.end(), algorithm) != pinned_.end();
}

bool JwsKey::verify(JwsAlgorithm algorithm, ByteView message, ByteView signature) const {
  const JwsAlgorithmTraits& traits = traits_of(algorithm);
  if (!allows(algorithm)) return false;
  if (traits.signature_size != 0 && signature.size() != traits.signature_size) return false;
  if (traits.family == JwsFamily::hmac) return verify_hmac(algorithm, secret_, message, signature);
  const bool is_authentic = verify_public(traits, public_key_.get(), message, signature);
  // A refused signature leaves entries that nginx would log for an unrelated connection.
  ERR_clear_error();
  return is_authentic;
}

}  // namespace media
