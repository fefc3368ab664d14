#include "core/token_object.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/encoding.hpp"
#include "core/utf8.hpp"

namespace media {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Whether a byte of a string stands for itself, and is a character of its own.
constexpr auto kIsPlain = [] {
  std::array<bool, 256> is_plain{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) is_plain[byte] = byte != '"' && byte != '\\';
  return is_plain;
}();

void append_utf8(std::string& text, std::uint32_t point) {
  const auto continuation = [point](int shift) {
    return static_cast<char>(0x80 | (point >> shift & 0x3F));
  };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += {static_cast<char>(0xC0 | point >> 6), continuation(0)};
  } else if (point < 0x10000) {
    text += {static_cast<char>(0xE0 | point >> 12), continuation(6), continuation(0)};
  } else {
    text +=
        {static_cast<char>(0xF0 | point >> 18), continuation(12), continuation(6), continuation(0)};
  }
}

/// What the character after a backslash stands for; 0 for those that stand for none.
char unescape(char escaped) {
  switch (escaped) {
    case '"':
    case '\\':
    case '/':
      return escaped;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

/// Whether no double can hold a well-formed number; one too small for any counts as 0.
bool overflows(std::string_view number) {
  return std::isinf(std::strtod(std::string(number).c_str(), nullptr));
}

}  // namespace

/// Takes values off the front of a text. Each function leaves the position anywhere when it
/// returns false.
class TokenReader {
 public:
  TokenReader(std::string_view text, std::forward_list<std::string>& unescaped)
      : rest_(text), unescaped_(unescaped) {}

  bool object(std::vector<TokenObject::Member>& members);
  bool texts(std::vector<std::string>& texts);
  bool at_end() {
    skip_space();
    return rest_.empty();
  }

 private:
  using Kind = TokenObject::Kind;

  bool member(std::vector<TokenObject::Member>& members);
  bool value(TokenObject::Member& member, int depth);
  bool elements(char close, int depth);
  bool literal(std::string_view name);
  bool number(double& value);
  bool digits();
  bool string(std::string_view& text);
  bool plain(std::size_t& size) const;
  bool escape(std::string& text);
  bool code_unit(std::uint32_t& unit);
  bool code_point(std::string& text);

  void skip_space() {
    while (!rest_.empty() && is_space(rest_.front())) rest_.remove_prefix(1);
  }
  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// The same after white space.
  bool next(char wanted) {
    skip_space();
    return take(wanted);
  }

  std::string_view rest_;
  std::forward_list<std::string>& unescaped_;
};

bool TokenReader::object(std::vector<TokenObject::Member>& members) {
  if (!next('{')) return false;
  if (next('}')) return true;
  do {
    if (members.size() == TokenObject::kMaxMembers || !member(members)) return false;
  } while (next(','));
  return take('}');
}

bool TokenReader::member(std::vector<TokenObject::Member>& members) {
  TokenObject::Member member;
  skip_space();
  if (!string(member.name) || !next(':') || !value(member, 0)) return false;
  const bool is_new =
      std::ranges::find(members, member.name, &TokenObject::Member::name) == members.end();
  if (is_new) members.push_back(member);
  return is_new;
}

bool TokenReader::value(TokenObject::Member& member, int depth) {
  skip_space();
  if (rest_.empty()) return false;
  const auto before = rest_;
  switch (rest_.front()) {
    case '"':
      member.kind = Kind::text;
      return string(member.text);
    case '{':
      return elements('}', depth + 1);
    case '[':
      member.kind = Kind::array;
      if (!elements(']', depth + 1)) return false;
      member.text = before.substr(0, before.size() - rest_.size());
      return true;
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      member.kind = Kind::number;
      return number(member.number);
  }
}

/// Of an array or an inner object: only well-formedness counts.
bool TokenReader::elements(char close, int depth) {
  if (depth > TokenObject::kMaxDepth) return false;
  rest_.remove_prefix(1);
  if (next(close)) return true;
  do {
    TokenObject::Member ignored;
    skip_space();
    if (close == '}' && !(string(ignored.name) && next(':'))) return false;
    if (!value(ignored, depth)) return false;
  } while (next(','));
  return take(close);
}

bool TokenReader::texts(std::vector<std::string>& texts) {
  if (!next('[')) return false;
  if (next(']')) return true;
  do {
    std::string_view text;
    skip_space();
    if (!string(text)) return false;
    texts.emplace_back(text);
  } while (next(','));
  return take(']');
}

bool TokenReader::literal(std::string_view name) {
  if (!rest_.starts_with(name)) return false;
  rest_.remove_prefix(name.size());
  return true;
}

/// RFC 8259 section 6.
bool TokenReader::number(double& value) {
  const auto before = rest_;
  take('-');
  if (!take('0') && !digits()) return false;
  if (take('.') && !digits()) return false;
  if (take('e') || take('E')) {
    if (!take('+')) take('-');
    if (!digits()) return false;
  }
  const auto written = before.substr(0, before.size() - rest_.size());
  const auto parsed = std::from_chars(written.data(), written.data() + written.size(), value);
  return parsed.ec == std::errc() || !overflows(written);
}

bool TokenReader::digits() {
  const auto end = std::ranges::find_if_not(rest_, is_digit);
  const auto count = static_cast<std::size_t>(end - rest_.begin());
  rest_.remove_prefix(count);
  return count > 0;
}

/// Counts what stands for itself. False for control characters and ill-formed UTF-8.
bool TokenReader::plain(std::size_t& size) const {
  for (size = 0; size < rest_.size();) {
    const auto byte = static_cast<unsigned char>(rest_[size]);
    if (kIsPlain[byte]) {
      ++size;
      continue;
    }
    if (byte == '"' || byte == '\\') return true;
    if (byte < 0x20) return false;
    const CodePoint point = next_code_point(rest_.substr(size));
    if (!point.is_valid) return false;
    size += point.size;
  }
  return true;
}

bool TokenReader::string(std::string_view& text) {
  std::size_t size = 0;
  if (!take('"') || !plain(size)) return false;
  text = rest_.substr(0, size);
  rest_.remove_prefix(size);
  if (take('"')) return true;
  std::string& unescaped = unescaped_.emplace_front(text);
  while (take('\\')) {
    if (!escape(unescaped) || !plain(size)) return false;
    unescaped += rest_.substr(0, size);
    rest_.remove_prefix(size);
  }
  text = unescaped;
  return take('"');
}

bool TokenReader::escape(std::string& text) {
  if (take('u')) return code_point(text);
  const char character = rest_.empty() ? '\0' : unescape(rest_.front());
  if (character == 0) return false;
  rest_.remove_prefix(1);
  text += character;
  return true;
}

bool TokenReader::code_unit(std::uint32_t& unit) {
  if (rest_.size() < 4) return false;
  unit = 0;
  for (const char digit : rest_.substr(0, 4)) {
    const int value = hex_value(digit);
    if (value < 0) return false;
    unit = unit << 4 | static_cast<std::uint32_t>(value);
  }
  rest_.remove_prefix(4);
  return true;
}

/// A \u escape, or the two of a surrogate pair.
bool TokenReader::code_point(std::string& text) {
  std::uint32_t point = 0;
  if (!code_unit(point) || point == 0) return false;
  if (point >= 0xD800 && point <= 0xDFFF) {
    std::uint32_t low = 0;
    if (point >= 0xDC00 || !take('\\') || !take('u') || !code_unit(low)) return false;
    if (low < 0xDC00 || low > 0xDFFF) return false;
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(text, point);
  return true;
}

std::optional<TokenObject> TokenObject::parse(std::string_view text) {
  TokenObject object;
  object.members_.reserve(16);
  TokenReader reader(text, object.unescaped_);
  if (!reader.object(object.members_) || !reader.at_end()) return std::nullopt;
  return object;
}

const TokenObject::Member* TokenObject::find(std::string_view name) const {
  const auto found = std::ranges::find(members_, name, &Member::name);
  return found == members_.end() ? nullptr : &*found;
}

std::optional<std::string_view> TokenObject::text(std::string_view name) const {
  const Member* const member = find(name);
  if (member == nullptr || member->kind != Kind::text) return std::nullopt;
  return member->text;
}

std::optional<double> TokenObject::number(std::string_view name) const {
  const Member* const member = find(name);
  if (member == nullptr || member->kind != Kind::number) return std::nullopt;
  return member->number;
}

std::optional<std::vector<std::string>> TokenObject::texts(std::string_view name) const {
  const Member* const member = find(name);
  if (member == nullptr) return std::nullopt;
  if (member->kind == Kind::text) return std::vector{std::string(member->text)};
  if (member->kind != Kind::array) return std::nullopt;
  std::vector<std::string> texts;
  std::forward_list<std::string> unescaped;
  if (!TokenReader(member->text, unescaped).texts(texts)) return std::nullopt;
  return texts;
}

}  // namespace media
