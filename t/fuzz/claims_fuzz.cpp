#include "core/claims.hpp"
#include "core/json_object.hpp"

// Claims as they are after the signature was found good: a key's owner may err too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const media::Json claims = media::parse_json_object(media::as_text({data, size}));
  if (!claims) return 0;
  const media::ClaimPolicy strict{.audience = "ngx_media", .issuer = "issuer", .leeway_seconds = 5};
  for (const media::ClaimPolicy& policy : {media::ClaimPolicy{}, strict}) {
    const auto identity = media::identity_of_claims(claims.get(), policy, 1795250000);
    if (!identity) continue;
    if (identity->user.empty() || identity->companies.empty()) __builtin_trap();
    std::string text = identity->user + identity->role;
    for (const auto& company : identity->companies) text += company;
    for (const char c : text) {
      if (static_cast<unsigned char>(c) < 0x20) __builtin_trap();
    }
  }
  return 0;
}
