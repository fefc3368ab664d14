#include "core/jwe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const media::NextAuthKey kKeys[] = {
      media::NextAuthKey::v4("secret"), media::NextAuthKey::v5("secret", "authjs.session-token")};
  for (const media::NextAuthKey& key : kKeys) {
    media::verify_next_auth(media::as_text({data, size}), key, {}, 1795250000);
  }
  return 0;
}
