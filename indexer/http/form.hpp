#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace media::http {

inline constexpr std::size_t kMaxFormFields = 1000;

/// The fields of an application/x-www-form-urlencoded body, in order.
class Form {
 public:
  /// Byte for byte as decoded: nothing is trimmed. Nothing for a broken escape
  /// or more than kMaxFormFields.
  static std::optional<Form> parse(std::string_view body);

  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The first value of that name, or empty.
  std::string_view value(std::string_view name) const;

 private:
  const std::string* find(std::string_view name) const;

  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace media::http
