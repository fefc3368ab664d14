#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace media {

/// One code point read from UTF-8 text. `size` is 0 at the end of the text;
/// ill-formed bytes read one at a time as U+FFFD with `is_valid` false.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t size = 0;
  bool is_valid = false;
};

/// The code point at the start of the text (RFC 3629: no surrogates, no
/// overlong forms, nothing above U+10FFFF).
CodePoint next_code_point(std::string_view text);

/// Replaces each ill-formed byte by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace media
