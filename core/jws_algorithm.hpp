#pragma once

#include "core/jws_key.hpp"

namespace media {

enum class JwsFamily : std::uint8_t { hmac, rsa_pkcs1, rsa_pss, ecdsa, eddsa };

/// How an algorithm computes, as OpenSSL names it.
struct JwsAlgorithmTraits {
  JwsAlgorithm algorithm;
  std::string_view name;  ///< JOSE `alg`
  JwsFamily family;
  const char* digest;          ///< nullptr: the algorithm brings its own
  const char* curve;           ///< ECDSA only, OpenSSL's group name
  std::size_t signature_size;  ///< HMAC, ECDSA (r || s) and EdDSA
};

const JwsAlgorithmTraits& traits_of(JwsAlgorithm algorithm);

}  // namespace media
