#include "core/header_value.hpp"

#include "core/encoding.hpp"
#include "core/utf8.hpp"

namespace media {
namespace {

constexpr std::size_t kMaxFileNameBytes = 200;

bool is_control(std::uint32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F); }

/// Characters that reorder or hide text: "gpj.exe" could be shown as "exe.jpg".
bool is_bidi_or_invisible(std::uint32_t c) {
  return (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x2069) || c == 0x061C || c == 0xFEFF;
}

std::string_view last_path_segment(std::string_view path) {
  const std::size_t separator = path.find_last_of("/\\");
  return separator == std::string_view::npos ? path : path.substr(separator + 1);
}

/// `filename` is a quoted-string of ASCII: what has a meaning there is replaced.
std::string ascii_fallback(std::string_view name) {
  std::string ascii;
  while (!name.empty()) {
    const CodePoint point = next_code_point(name);
    const bool is_plain =
        point.value >= 0x20 && point.value < 0x7F && point.value != '"' && point.value != '%';
    ascii.push_back(is_plain ? static_cast<char>(point.value) : '_');
    name.remove_prefix(point.size);
  }
  return ascii;
}

}  // namespace

std::string display_file_name(std::string_view file_name) {
  std::string_view rest = last_path_segment(file_name);
  std::string name;
  while (!rest.empty()) {
    const CodePoint point = next_code_point(rest);
    const std::string_view bytes = rest.substr(0, point.size);
    rest.remove_prefix(point.size);
    if (!point.is_valid || is_control(point.value) || is_bidi_or_invisible(point.value)) continue;
    if (name.size() + bytes.size() > kMaxFileNameBytes) break;
    name += bytes;
  }
  const std::size_t first = name.find_first_not_of(". ");
  if (first == std::string::npos) return "file";
  name.erase(0, first);
  name.erase(name.find_last_not_of(". ") + 1);
  return name;
}

std::string content_disposition(bool is_inline, std::string_view file_name) {
  const std::string name = display_file_name(file_name);
  const std::string fallback = ascii_fallback(name);
  std::string value = is_inline ? "inline" : "attachment";
  value += "; filename=\"" + fallback + "\"";
  // RFC 8187 attr-char: the unreserved characters but for '~' being kept too.
  if (fallback != name) value += "; filename*=UTF-8''" + percent_encode(name);
  return value;
}

}  // namespace media
