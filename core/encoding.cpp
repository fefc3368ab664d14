#include "core/encoding.hpp"

#include <algorithm>
#include <array>

namespace media {
namespace {

constexpr std::string_view kStandardAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Both digits of every byte.
constexpr auto kHexPairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<std::array<char, 2>, 256> pairs{};
  for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = {kDigits[i >> 4], kDigits[i & 15]};
  return pairs;
}();

/// -1 for foreign characters, which stays negative when shifted and joined with others.
using DecodeTable = std::array<std::int32_t, 256>;

constexpr DecodeTable make_decode_table(std::string_view alphabet) {
  DecodeTable table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int32_t>(i);
  }
  return table;
}

constexpr DecodeTable kStandardTable = make_decode_table(kStandardAlphabet);
constexpr DecodeTable kUrlTable = make_decode_table(kUrlAlphabet);

/// Cuts the padding off; nothing when it is not what `padding` allows.
std::optional<std::string_view> without_padding(std::string_view text, Base64Padding padding) {
  std::size_t end = text.size();
  while (end > 0 && text.size() - end < 2 && text[end - 1] == '=') --end;
  const bool is_padded = end != text.size();
  const bool needs_padding = end % 4 != 0;
  if (is_padded && (padding == Base64Padding::none || text.size() % 4 != 0)) return std::nullopt;
  if (!is_padded && needs_padding && padding == Base64Padding::required) return std::nullopt;
  return text.substr(0, end);
}

/// RFC 3986 section 2.3, by byte.
constexpr auto kIsUnreserved = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view(kUrlAlphabet)) table[static_cast<unsigned char>(c)] = true;
  table['.'] = table['~'] = true;
  return table;
}();

}  // namespace

char* hex_encode_to(ByteView bytes, char* out) {
  for (const std::uint8_t byte : bytes) out = std::ranges::copy(kHexPairs[byte], out).out;
  return out;
}

std::string hex_encode(ByteView bytes) {
  std::string text(bytes.size() * 2, '\0');
  hex_encode_to(bytes, text.data());
  return text;
}

std::optional<Bytes> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::string base64_encode(ByteView bytes, Base64Alphabet alphabet) {
  const std::string_view digits =
      alphabet == Base64Alphabet::url ? kUrlAlphabet : kStandardAlphabet;
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const std::uint8_t byte : bytes) {
    buffer = buffer << 8 | byte;
    for (bits += 8; bits >= 6;) {
      bits -= 6;
      text.push_back(digits[buffer >> bits & 63]);
    }
  }
  if (bits > 0) text.push_back(digits[buffer << (6 - bits) & 63]);
  while (alphabet == Base64Alphabet::standard && text.size() % 4 != 0) text.push_back('=');
  return text;
}

std::optional<Bytes> base64_decode(std::string_view text, Base64Alphabet alphabet,
                                   Base64Padding padding) {
  const auto digits = without_padding(text, padding);
  if (!digits || digits->size() % 4 == 1) return std::nullopt;
  const DecodeTable& table = alphabet == Base64Alphabet::url ? kUrlTable : kStandardTable;
  const auto value_at = [&](std::size_t i) {
    return table[static_cast<unsigned char>((*digits)[i])];
  };
  std::int32_t seen = 0;  // negative once a foreign character was
  Bytes bytes(digits->size() * 3 / 4);
  std::uint8_t* out = bytes.data();
  std::size_t i = 0;
  for (; i + 4 <= digits->size(); i += 4) {
    const std::int32_t group =
        value_at(i) << 18 | value_at(i + 1) << 12 | value_at(i + 2) << 6 | value_at(i + 3);
    seen |= group;
    *out++ = static_cast<std::uint8_t>(group >> 16);
    *out++ = static_cast<std::uint8_t>(group >> 8);
    *out++ = static_cast<std::uint8_t>(group);
  }
  std::uint32_t left = 0;  // of the last, incomplete group, from the top
  for (int shift = 26; i < digits->size(); ++i, shift -= 6) {
    seen |= value_at(i);
    left |= static_cast<std::uint32_t>(value_at(i)) << shift;
  }
  for (; out != bytes.data() + bytes.size(); left <<= 8) {
    *out++ = static_cast<std::uint8_t>(left >> 24);
  }
  // Bits that encode nothing must be zero, or two texts would mean the same bytes.
  if (seen < 0 || left != 0) return std::nullopt;
  return bytes;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    decoded.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return decoded;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  constexpr std::string_view kUpperHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.resize_and_overwrite(3 * text.size(), [&](char* const begin, std::size_t) {
    char* out = begin;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      if (kIsUnreserved[byte] || keep.find(c) != std::string_view::npos) {
        *out++ = c;
      } else {
        *out++ = '%';
        *out++ = kUpperHex[byte >> 4];
        *out++ = kUpperHex[byte & 15];
      }
    }
    return out - begin;
  });
  return encoded;
}

}  // namespace media
