#include "indexer/json_string.hpp"

#include "core/utf8.hpp"

namespace media {
namespace {

void append_escaped(std::string& json, unsigned char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
    case '\\':
      json += {'\\', static_cast<char>(c)};
      return;
    case '\n':
      json += "\\n";
      return;
    case '\r':
      json += "\\r";
      return;
    case '\t':
      json += "\\t";
      return;
    default:
      json += {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 0xF]};
  }
}

bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

}  // namespace

void append_json_string(std::string& json, std::string_view text) {
  json.push_back('"');
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(static_cast<unsigned char>(text[plain]))) ++plain;
    json += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint point = next_code_point(text);
    if (!point.is_valid) {
      json += "\xEF\xBF\xBD";
    } else if (point.size == 1) {
      append_escaped(json, static_cast<unsigned char>(text[0]));
    } else {
      json += text.substr(0, point.size);
    }
    text.remove_prefix(point.size);
  }
  json.push_back('"');
}

}  // namespace media
