#include "ngx_media_module/log_throttle.hpp"

#include <algorithm>
#include <utility>

namespace media::nginx {

std::optional<std::uint64_t> LogThrottle::pass(std::uint64_t now_milliseconds) {
  if (last_ && now_milliseconds - *last_ < 1000) {
    ++suppressed_;
    return std::nullopt;
  }
  last_ = now_milliseconds;
  return std::exchange(suppressed_, 0);
}

std::uint64_t reconnect_delay_milliseconds(unsigned failures, std::uint32_t random) {
  constexpr std::uint64_t kBase = 50;
  constexpr std::uint64_t kMost = 1000;
  const std::uint64_t delay = std::min(kBase << std::min(failures, 10U), kMost);
  return delay / 2 + random % (delay / 2 + 1);
}

}  // namespace media::nginx
