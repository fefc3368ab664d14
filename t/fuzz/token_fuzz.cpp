#include <fstream>
#include <iterator>

#include "core/json_object.hpp"
#include "core/jwt.hpp"

namespace {

/// The fixtures' keys: one of every algorithm.
media::JwsKeySet fixture_keys() {
  std::ifstream file(MEDIA_FIXTURES "/jwt/algorithms.json");
  const media::Json fixtures(
      json_loads(std::string(std::istreambuf_iterator<char>(file), {}).c_str(), 0, nullptr));
  const media::Json set(json_pack("{s:[]}", "keys"));
  for (std::size_t i = 0; i < json_array_size(fixtures.get()); ++i) {
    json_array_append(json_object_get(set.get(), "keys"),
                      json_object_get(json_array_get(fixtures.get(), i), "jwk"));
  }
  const std::unique_ptr<char, decltype(&free)> text(json_dumps(set.get(), 0), &free);
  return media::parse_jwks(text.get()).value();
}

}  // namespace

// Any text as a token; the corpus has a good one of every algorithm.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const media::JwsKeySet kKeys = fixture_keys();
  media::ClaimPolicy policy;
  policy.audience = "ngx_media";
  const auto identity = media::verify_jwt(media::as_text({data, size}), kKeys, policy, 1795250000);
  if (identity && identity->user.empty()) __builtin_trap();
  return 0;
}
