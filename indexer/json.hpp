#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

struct json_t;

namespace media {

/// A shared handle to a JSON value. Reading never fails: a member that is
/// absent, null or of another type reads as "nothing", because payloads of
/// providers hold all of these.
class Json {
 public:
  Json() = default;  ///< nothing: no such value
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(Json other) noexcept;
  ~Json();

  /// Parses one document. Duplicate keys, more than `kMaxDepth` levels and
  /// invalid UTF-8 are `invalid_argument`; NUL and lone surrogate escapes become
  /// U+FFFD, integers beyond 64 bits become reals.
  static Result<Json> parse(std::string_view text);
  static constexpr int kMaxDepth = 64;

  static Json object();
  static Json array();
  static Json string(std::string_view text);

  explicit operator bool() const { return value_ != nullptr; }
  bool is_object() const;
  bool is_array() const;

  /// Member of an object, element of an array; nothing when there is none.
  Json operator[](std::string_view key) const;
  Json operator[](std::size_t index) const;
  /// Names of an object's members, null ones included; none for everything else.
  std::vector<std::string> names() const;
  /// Elements of an array; 0 for everything else.
  std::size_t size() const;

  /// Empty unless this is a string.
  std::string_view text() const;
  /// Of an integral number or a decimal string: providers send either.
  std::optional<std::int64_t> integer() const;
  /// Of a finite number.
  std::optional<double> real() const;
  /// Text of a string, or of a number in decimal: ids come as either.
  std::string identifier() const;
  bool is_true() const;

  /// Setters of an object; NUL and text that is not UTF-8 are repaired.
  Json& set(std::string_view key, std::string_view value);
  Json& set(std::string_view key, const char* value);
  Json& set(std::string_view key, std::int64_t value);
  Json& set(std::string_view key, double value);
  Json& set(std::string_view key, bool value);
  Json& set(std::string_view key, const Json& value);
  Json& set_null(std::string_view key);
  /// The text, or null.
  Json& set_or_null(std::string_view key, const std::optional<std::string>& value);
  /// Appends to an array.
  Json& push(const Json& value);

  /// Compact text.
  std::string dump() const;

 private:
  explicit Json(json_t* owned) : value_(owned) {}
  json_t* value_ = nullptr;
};

}  // namespace media
