#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace media {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// By byte: whether the next digit of an id is a letter, no processor can predict.
inline constexpr auto kHexValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::int8_t i = 0; i < 16; ++i) {
    values[static_cast<unsigned char>("0123456789abcdef"[i])] = i;
    values[static_cast<unsigned char>("0123456789ABCDEF"[i])] = i;
  }
  return values;
}();
/// What a hexadecimal digit of either case stands for; -1 for all else.
constexpr int hex_value(char digit) { return kHexValues[static_cast<unsigned char>(digit)]; }
/// Writes two lower-case digits a byte; gives what follows them in `out`.
char* hex_encode_to(ByteView bytes, char* out);
/// Lower-case hexadecimal, RFC 4648 section 8.
std::string hex_encode(ByteView bytes);
/// Accepts both cases; nothing for an odd length or a foreign character.
std::optional<Bytes> hex_decode(std::string_view text);

enum class Base64Alphabet { standard, url };  // RFC 4648 sections 4 and 5
enum class Base64Padding { required, optional, none };

/// Padded for the standard alphabet, unpadded for the URL one.
std::string base64_encode(ByteView bytes, Base64Alphabet alphabet = Base64Alphabet::standard);
/// Strict: no white space, no foreign characters, no stray trailing bits.
std::optional<Bytes> base64_decode(std::string_view text,
                                   Base64Alphabet alphabet = Base64Alphabet::standard,
                                   Base64Padding padding = Base64Padding::required);

/// Percent-decoding of one URL component (RFC 3986 section 2.1); '+' stays.
/// Nothing for a broken escape.
std::optional<std::string> percent_decode(std::string_view text);
/// Escapes everything but unreserved characters; `keep` names further ones.
std::string percent_encode(std::string_view text, std::string_view keep = "");

}  // namespace media
