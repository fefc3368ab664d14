#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace media::queue {

struct BackoffPolicy {
  std::chrono::milliseconds base{1000};
  std::chrono::milliseconds max{4 * 3600 * 1000};
};

/// Delay after the given attempt (1, 2, ...): exponential with full jitter,
/// `random` within [0, 1).
std::chrono::milliseconds backoff_delay(const BackoffPolicy& policy, int attempt, double random);

/// Shortens a delay so that the next attempt comes before the deadline. Nothing
/// when that is over. `now` and `deadline` in Unix seconds; deadline 0: none.
std::optional<std::chrono::milliseconds> within_deadline(std::chrono::milliseconds delay,
                                                         std::int64_t now, std::int64_t deadline);

/// Delay of a Retry-After header: seconds or an HTTP-date (RFC 9110 section
/// 10.2.3). Nothing when absent or malformed; a day at most.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, std::int64_t now);

}  // namespace media::queue
