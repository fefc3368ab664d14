#pragma once

#include <string>
#include <string_view>

namespace media {

/// Appends text as a quoted JSON string (RFC 8259 section 7); ill-formed UTF-8
/// becomes U+FFFD.
void append_json_string(std::string& json, std::string_view text);

}  // namespace media
