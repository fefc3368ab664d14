#include <jansson.h>

#include "core/claims.hpp"
#include "core/encoding.hpp"
#include "core/json_object.hpp"
#include "core/token_object.hpp"

namespace {

using media::Json;
using media::TokenObject;

void require(bool holds) {
  if (!holds) __builtin_trap();
}

int depth_of(const json_t* value) {
  int deepest = 0;
  const char* name = nullptr;
  json_t* element = nullptr;
  std::size_t i = 0;
  json_object_foreach(const_cast<json_t*>(value), name, element) {
    deepest = std::max(deepest, depth_of(element));
  }
  json_array_foreach(value, i, element) deepest = std::max(deepest, depth_of(element));
  return json_is_object(value) || json_is_array(value) ? deepest + 1 : 0;
}

void compare(const TokenObject& ours, const Json& theirs) {
  const char* name = nullptr;
  json_t* value = nullptr;
  json_object_foreach(theirs.get(), name, value) {
    require(ours.has(name));
    require(json_is_number(value) == ours.number(name).has_value());
    if (json_is_number(value)) require(ours.number(name) == json_number_value(value));
    require(media::string_member(theirs.get(), name) == ours.text(name));
  }
}

// What jansson reads as an object, our own reader reads the same way, within its limits. (jansson
// passes over a NUL byte behind a number.)
std::optional<TokenObject> parse(std::string_view text) {
  auto ours = TokenObject::parse(text);
  const Json theirs(json_loadb(text.data(), text.size(), JSON_DECODE_INT_AS_REAL, nullptr));
  if (ours) {
    require(json_is_object(theirs.get()));
    compare(*ours, theirs);
  } else if (const Json strict = media::parse_json_object(text);
             strict && text.find('\0') == std::string_view::npos) {
    require(json_object_size(strict.get()) > TokenObject::kMaxMembers ||
            depth_of(strict.get()) - 1 > TokenObject::kMaxDepth);
  }
  return ours;
}

}  // namespace

// Claims as they are after the signature was found good: a key's owner may err too.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto claims = parse(media::as_text({data, size}));
  if (!claims) return 0;
  const media::ClaimPolicy strict{.audience = "ngx_media", .issuer = "issuer", .leeway_seconds = 5};
  for (const media::ClaimPolicy& policy : {media::ClaimPolicy{}, strict}) {
    const auto identity = media::identity_of_claims(*claims, policy, 1795250000);
    if (!identity) continue;
    require(!identity->user.empty() && !identity->companies.empty());
    std::string text = identity->user + identity->role;
    for (const auto& company : identity->companies) text += company;
    for (const char c : text) require(static_cast<unsigned char>(c) >= 0x20);
  }
  return 0;
}
