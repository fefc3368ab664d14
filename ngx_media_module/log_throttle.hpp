#pragma once

#include <cstdint>
#include <optional>

namespace media::nginx {

/// Lets one message a second through and counts what it held back.
class LogThrottle {
 public:
  /// How many messages were held back since the last that passed, or nothing
  /// when this one is to be held back too.
  std::optional<std::uint64_t> pass(std::uint64_t now_milliseconds);

 private:
  std::optional<std::uint64_t> last_;
  std::uint64_t suppressed_ = 0;
};

/// How long to wait before connecting again after this many failures in a row:
/// doubles from 50 ms to 1 s; `random` picks a point in the upper half of that, so
/// that many workers do not come at once.
std::uint64_t reconnect_delay_milliseconds(unsigned failures, std::uint32_t random);

}  // namespace media::nginx
