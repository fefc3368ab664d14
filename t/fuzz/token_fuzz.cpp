#include "core/jwt.hpp"

// Any text as a token, under keys of every family.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const media::JwsKeySet kKeys = [] {
    media::JwsKeySet keys;
    keys.push_back(
        *media::JwsKey::from_secret(media::Bytes(64, 'k'), {media::JwsAlgorithm::hs256}));
    return keys;
  }();
  media::ClaimPolicy policy;
  policy.audience = "ngx_media";
  const auto identity = media::verify_jwt(media::as_text({data, size}), kKeys, policy, 1795250000);
  if (identity && identity->user.empty()) __builtin_trap();
  return 0;
}
