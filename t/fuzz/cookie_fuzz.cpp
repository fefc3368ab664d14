#include "core/jwe.hpp"

// The secret and the cookie's name are those of t/fixtures/jwt/next_auth.json: its cookies decrypt.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kSecret = "a secret of the site, 32 bytes or more";
  static const media::NextAuthKey kKeys[] = {
      media::NextAuthKey::v4(kSecret), media::NextAuthKey::v5(kSecret, "authjs.session-token")};
  for (const media::NextAuthKey& key : kKeys) {
    media::verify_next_auth(media::as_text({data, size}), key, {}, 1795250000);
  }
  return 0;
}
