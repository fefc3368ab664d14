#include "core/jws_algorithm.hpp"

#include <algorithm>
#include <array>

namespace media {
namespace {

// In the order of the enumeration, so that it is the index.
constexpr auto kTraits = std::to_array<JwsAlgorithmTraits>({
    {JwsAlgorithm::hs256, "HS256", JwsFamily::hmac, "SHA256", nullptr, 32},
    {JwsAlgorithm::hs384, "HS384", JwsFamily::hmac, "SHA384", nullptr, 48},
    {JwsAlgorithm::hs512, "HS512", JwsFamily::hmac, "SHA512", nullptr, 64},
    {JwsAlgorithm::rs256, "RS256", JwsFamily::rsa_pkcs1, "SHA256", nullptr, 0},
    {JwsAlgorithm::rs384, "RS384", JwsFamily::rsa_pkcs1, "SHA384", nullptr, 0},
    {JwsAlgorithm::rs512, "RS512", JwsFamily::rsa_pkcs1, "SHA512", nullptr, 0},
    {JwsAlgorithm::ps256, "PS256", JwsFamily::rsa_pss, "SHA256", nullptr, 0},
    {JwsAlgorithm::ps384, "PS384", JwsFamily::rsa_pss, "SHA384", nullptr, 0},
    {JwsAlgorithm::ps512, "PS512", JwsFamily::rsa_pss, "SHA512", nullptr, 0},
    {JwsAlgorithm::es256, "ES256", JwsFamily::ecdsa, "SHA256", "prime256v1", 64},
    {JwsAlgorithm::es384, "ES384", JwsFamily::ecdsa, "SHA384", "secp384r1", 96},
    {JwsAlgorithm::es512, "ES512", JwsFamily::ecdsa, "SHA512", "secp521r1", 132},
    {JwsAlgorithm::eddsa, "EdDSA", JwsFamily::eddsa, nullptr, nullptr, 64},
});

}  // namespace

const JwsAlgorithmTraits& traits_of(JwsAlgorithm algorithm) {
  return kTraits[static_cast<std::size_t>(algorithm)];
}

std::optional<JwsAlgorithm> parse_jws_algorithm(std::string_view name) {
  const auto* const found =
      std::find_if(kTraits.begin(), kTraits.end(),
                   [&](const JwsAlgorithmTraits& traits) { return traits.name == name; });
  if (found == kTraits.end()) return std::nullopt;
  return found->algorithm;
}

std::string_view name_of(JwsAlgorithm algorithm) { return traits_of(algorithm).name; }

}  // namespace media
