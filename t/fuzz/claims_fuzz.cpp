#include "core/claims.hpp"
#include "core/json_object.hpp"

// Claims as they are after the signature was found good: a key's owner may err too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const media::Json claims = media::parse_json_object(media::as_text({data, size}));
  if (!claims) return 0;
  const auto identity = media::identity_of_claims(claims.get(), {}, 1795250000);
  if (!identity) return 0;
  for (const char c : identity->user + identity->company + identity->role) {
    if (static_cast<unsigned char>(c) < 0x20) __builtin_trap();
  }
  return 0;
}
