#include "core/utf8.hpp"

namespace media {
namespace {

constexpr CodePoint kIllFormed{0xFFFD, 1, false};

struct LeadByte {
  std::size_t size;
  std::uint32_t bits;
  std::uint32_t lowest;  // below: an overlong form
};

LeadByte classify(unsigned char lead) {
  if (lead >= 0xC2 && lead <= 0xDF) return {2, lead & 0x1Fu, 0x80};
  if (lead >= 0xE0 && lead <= 0xEF) return {3, lead & 0x0Fu, 0x800};
  if (lead >= 0xF0 && lead <= 0xF4) return {4, lead & 0x07u, 0x10000};
  return {0, 0, 0};
}

}  // namespace

CodePoint next_code_point(std::string_view text) {
  if (text.empty()) return {};
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const LeadByte kind = classify(lead);
  if (kind.size == 0 || text.size() < kind.size) return kIllFormed;
  std::uint32_t value = kind.bits;
  for (std::size_t i = 1; i < kind.size; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return kIllFormed;
    value = value << 6 | (byte & 0x3Fu);
  }
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kind.lowest || is_surrogate || value > 0x10FFFF) return kIllFormed;
  return {value, kind.size, true};
}

std::string to_valid_utf8(std::string_view text) {
  std::string valid;
  valid.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = next_code_point(text);
    valid += point.is_valid ? text.substr(0, point.size) : "\xEF\xBF\xBD";
    text.remove_prefix(point.size);
  }
  return valid;
}

}  // namespace media
