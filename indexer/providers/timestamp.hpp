#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace media::providers {

/// Unix seconds of an RFC 3339 date-time (fractions are cut off). Nothing for
/// everything else, years outside 1970 to 9999 included.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace media::providers
