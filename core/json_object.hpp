#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include <jansson.h>

#include "core/encoding.hpp"

namespace media {

struct FreeJson {
  void operator()(json_t* json) const { json_decref(json); }
};
using Json = std::unique_ptr<json_t, FreeJson>;

/// Parses a JSON object; duplicate members are refused, because two parsers
/// might believe different ones. Nothing for any other text.
inline Json parse_json_object(std::string_view text) {
  Json json(json_loadb(text.data(), text.size(), JSON_REJECT_DUPLICATES, nullptr));
  return json_is_object(json.get()) ? std::move(json) : nullptr;
}

/// The member's text; nothing when it is absent or no string.
inline std::optional<std::string_view> string_member(const json_t* object, const char* name) {
  const json_t* const value = json_object_get(object, name);
  if (!json_is_string(value)) return std::nullopt;
  return std::string_view(json_string_value(value), json_string_length(value));
}

}  // namespace media
