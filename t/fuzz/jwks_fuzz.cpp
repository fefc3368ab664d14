#include "core/jws_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto keys = media::parse_jwks(media::as_text({data, size}));
  if (keys && (keys->empty() || keys->size() > media::kMaxJwksKeys)) __builtin_trap();
  return 0;
}
