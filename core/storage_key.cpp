#include "core/storage_key.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

namespace media {
namespace {

constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kMaxSegmentBytes = 255;

bool is_safe(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

std::string two_digits(unsigned number) {
  return {static_cast<char>('0' + number / 10 % 10), static_cast<char>('0' + number % 10)};
}

std::chrono::year_month_day utc_date(std::int64_t unix_time) {
  return std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(unix_time)));
}

/// The text of a field, or nothing for a name that is not one.
std::optional<std::string> field_text(std::string_view name, const StorageKeyFields& fields) {
  const auto date = utc_date(fields.unix_time);
  if (name == "company") return safe_segment(fields.company);
  if (name == "account") return safe_segment(fields.account);
  if (name == "message") return safe_segment(fields.message);
  if (name == "phone") return safe_segment(fields.phone);
  if (name == "category") return safe_segment(fields.category);
  if (name == "name") return safe_segment(fields.name);
  if (name == "ext") return safe_segment(fields.ext, 16);
  if (name == "index") return std::to_string(fields.index);
  if (name == "unixtime") return std::to_string(fields.unix_time);
  if (name == "yyyy") return std::to_string(static_cast<int>(date.year()));
  if (name == "mm") return two_digits(static_cast<unsigned>(date.month()));
  if (name == "dd") return two_digits(static_cast<unsigned>(date.day()));
  return std::nullopt;
}

bool is_valid_segment(std::string_view segment) {
  return !segment.empty() && segment.size() <= kMaxSegmentBytes && segment != "." &&
         segment != "..";
}

}  // namespace

std::string safe_segment(std::string_view text, std::size_t max) {
  std::string segment;
  for (const char c : text.substr(0, max)) segment.push_back(is_safe(c) ? c : '_');
  if (segment.empty()) return "_";
  if (segment.front() == '.') segment.front() = '_';
  return segment;
}

bool is_reserved_storage_key(std::string_view key) { return key.starts_with('.'); }

bool is_valid_storage_key(std::string_view key) {
  if (key.empty() || key.size() > kMaxKeyBytes) return false;
  const bool has_forbidden_byte = std::any_of(key.begin(), key.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '\\';
  });
  if (has_forbidden_byte) return false;
  for (std::size_t start = 0;;) {
    const std::size_t slash = key.find('/', start);
    if (!is_valid_segment(key.substr(start, slash - start))) return false;
    if (slash == std::string_view::npos) return true;
    start = slash + 1;
  }
}

Result<std::string> expand_storage_key(std::string_view key_template,
                                       const StorageKeyFields& fields) {
  std::string key;
  std::string_view rest = key_template;
  while (!rest.empty()) {
    const std::size_t open = rest.find_first_of("{}");
    key += rest.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = rest.find('}', open);
    if (rest[open] == '}' || close == std::string_view::npos) {
      return fail(ErrorCode::invalid_argument,
                  "unbalanced brace in key template \"" + std::string(key_template) + "\"");
    }
    const std::string_view name = rest.substr(open + 1, close - open - 1);
    const auto text = field_text(name, fields);
    if (!text) {
      return fail(ErrorCode::invalid_argument, "unknown field {" + std::string(name) +
                                                   "} in key template \"" +
                                                   std::string(key_template) + "\"");
    }
    key += *text;
    rest.remove_prefix(close + 1);
  }
  if (!is_valid_storage_key(key)) {
    return fail(ErrorCode::invalid_argument,
                "key template \"" + std::string(key_template) + "\" gives no valid storage key");
  }
  return key;
}

std::string numbered_storage_key(std::string_view key, int number) {
  const std::size_t slash = key.rfind('/');
  const std::size_t name_start = slash == std::string_view::npos ? 0 : slash + 1;
  std::size_t dot = key.rfind('.');
  if (dot == std::string_view::npos || dot <= name_start) dot = key.size();
  std::string numbered(key.substr(0, dot));
  numbered += '-' + std::to_string(number);
  return numbered += key.substr(dot);
}

}  // namespace media
