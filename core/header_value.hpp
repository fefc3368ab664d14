#pragma once

#include <string>
#include <string_view>

namespace media {

/// Content-Disposition (RFC 6266) with an ASCII `filename` and, when the name
/// has other characters, the UTF-8 `filename*` form (RFC 8187). Control bytes,
/// quotes, path separators and bidi overrides do not survive.
std::string content_disposition(bool is_inline, std::string_view file_name);

/// File name for display and download: last path segment, without control
/// bytes or bidi overrides, valid UTF-8, at most 200 bytes, "file" when nothing is left.
std::string display_file_name(std::string_view file_name);

}  // namespace media
