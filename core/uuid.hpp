#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace media {

/// RFC 9562 UUID in network byte order.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  /// Accepts only the 36-character form, in either case.
  static std::optional<Uuid> parse(std::string_view text);
  /// Version 7: sorts by creation time (RFC 9562 section 5.7).
  static Uuid v7(std::uint64_t unix_milliseconds);

  std::string to_string() const;
  friend bool operator==(const Uuid&, const Uuid&) = default;
};

}  // namespace media
