#include "indexer/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include <jansson.h>

namespace media {
namespace {

// Jansson recurses once a level, on a coroutine's small stack: count before.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > Json::kMaxDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

// The four digits of the \uXXXX escape at `at`, or -1.
int escape_value(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return -1;
  int value = 0;
  const char* first = text.data() + at + 2;
  const auto [end, error] = std::from_chars(first, first + 4, value, 16);
  return error == std::errc() && end == first + 4 ? value : -1;
}

bool is_high_surrogate(int value) { return value >= 0xD800 && value <= 0xDBFF; }
bool is_low_surrogate(int value) { return value >= 0xDC00 && value <= 0xDFFF; }

// Users type what phones let them: half an emoji must not cost the whole batch.
std::string with_repaired_escapes(std::string_view text) {
  std::string repaired(text);
  for (std::size_t i = 0; i + 1 < repaired.size(); ++i) {
    if (repaired[i] != '\\') continue;
    const int value = escape_value(repaired, i);
    if (is_high_surrogate(value) && is_low_surrogate(escape_value(repaired, i + 6))) {
      i += 11;
    } else if (value == 0 || is_high_surrogate(value) || is_low_surrogate(value)) {
      repaired.replace(i + 2, 4, "fffd");
      i += 5;
    } else {
      ++i;
    }
  }
  return repaired;
}

json_t* load(std::string_view text, std::size_t extra_flags, json_error_t& error) {
  return json_loadb(text.data(), text.size(),
                    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | extra_flags, &error);
}

// json_stringn() refuses invalid UTF-8, whose bytes we can't show anyway, and
// PostgreSQL takes no NUL.
json_t* text_value(std::string_view text) {
  std::string repaired;
  if (text.find('\0') != std::string_view::npos) {
    repaired = text;
    std::ranges::replace(repaired, '\0', '?');
    text = repaired;
  }
  if (json_t* value = json_stringn(text.data(), text.size())) return value;
  repaired = text;
  for (char& c : repaired) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return json_stringn(repaired.data(), repaired.size());
}

}  // namespace

Json::Json(const Json& other) : value_(json_incref(other.value_)) {}
Json::Json(Json&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
Json::~Json() { json_decref(value_); }

Json& Json::operator=(Json other) noexcept {
  std::swap(value_, other.value_);
  return *this;
}

Result<Json> Json::parse(std::string_view text) {
  if (is_too_deep(text)) {
    return fail(ErrorCode::invalid_argument,
                "JSON is nested deeper than " + std::to_string(kMaxDepth) + " levels");
  }
  json_error_t error;
  json_t* value = load(text, 0, error);
  if (value == nullptr) {
    json_error_t ignored;
    value = load(with_repaired_escapes(text), JSON_DECODE_INT_AS_REAL, ignored);
  }
  if (value == nullptr) {
    return fail(ErrorCode::invalid_argument, "not JSON at byte " + std::to_string(error.position));
  }
  return Json(value);
}

Json Json::object() { return Json(json_object()); }
Json Json::array() { return Json(json_array()); }
Json Json::string(std::string_view text) { return Json(text_value(text)); }

bool Json::is_object() const { return json_is_object(value_); }
bool Json::is_array() const { return json_is_array(value_); }

Json Json::operator[](std::string_view key) const {
  // A key with NUL can't be looked up with jansson's C string interface.
  if (!is_object()) return {};
  json_t* member = json_object_get(value_, std::string(key).c_str());
  if (member == nullptr || json_is_null(member)) return {};
  return Json(json_incref(member));
}

Json Json::operator[](std::size_t index) const {
  json_t* element = json_array_get(value_, index);
  if (element == nullptr || json_is_null(element)) return {};
  return Json(json_incref(element));
}

std::vector<std::string> Json::names() const {
  std::vector<std::string> names;
  for (void* member = json_object_iter(value_); member != nullptr;
       member = json_object_iter_next(value_, member)) {
    names.emplace_back(json_object_iter_key(member));
  }
  return names;
}

std::size_t Json::size() const { return json_array_size(value_); }

std::string_view Json::text() const {
  if (!json_is_string(value_)) return {};
  return {json_string_value(value_), json_string_length(value_)};
}

std::optional<std::int64_t> Json::integer() const {
  if (json_is_integer(value_)) return json_integer_value(value_);
  if (json_is_real(value_)) {
    const double real = json_real_value(value_);
    if (std::trunc(real) == real && std::abs(real) < 9e15) return static_cast<std::int64_t>(real);
    return std::nullopt;
  }
  const std::string_view digits = text();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> Json::real() const {
  if (!json_is_number(value_)) return std::nullopt;
  const double number = json_number_value(value_);
  return std::isfinite(number) ? std::optional(number) : std::nullopt;
}

std::string Json::identifier() const {
  if (json_is_integer(value_)) return std::to_string(json_integer_value(value_));
  return std::string(text());
}

bool Json::is_true() const { return json_is_true(value_); }

Json& Json::set(std::string_view key, std::string_view value) {
  json_object_set_new(value_, std::string(key).c_str(), text_value(value));
  return *this;
}

Json& Json::set(std::string_view key, const char* value) {
  return set(key, std::string_view(value));
}

Json& Json::set(std::string_view key, std::int64_t value) {
  json_object_set_new(value_, std::string(key).c_str(), json_integer(value));
  return *this;
}

Json& Json::set(std::string_view key, double value) {
  json_object_set_new(value_, std::string(key).c_str(), json_real(value));
  return *this;
}

Json& Json::set(std::string_view key, bool value) {
  json_object_set_new(value_, std::string(key).c_str(), json_boolean(value));
  return *this;
}

Json& Json::set(std::string_view key, const Json& value) {
  json_object_set(value_, std::string(key).c_str(), value.value_);
  return *this;
}

Json& Json::set_null(std::string_view key) {
  json_object_set_new(value_, std::string(key).c_str(), json_null());
  return *this;
}

Json& Json::set_or_null(std::string_view key, const std::optional<std::string>& value) {
  return value ? set(key, std::string_view(*value)) : set_null(key);
}

Json& Json::push(const Json& value) {
  json_array_append(value_, value.value_);
  return *this;
}

std::string Json::dump() const {
  std::string text;
  json_dump_callback(
      value_,
      [](const char* chunk, std::size_t size, void* sink) {
        static_cast<std::string*>(sink)->append(chunk, size);
        return 0;
      },
      &text, JSON_COMPACT | JSON_ENCODE_ANY);
  return text;
}

}  // namespace media
