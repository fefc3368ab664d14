#include "indexer/queue/backoff.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <string>

namespace media::queue {
namespace {

constexpr std::int64_t kMaxRetryAfterSeconds = 24 * 3600;
// Time that the last attempt before a deadline gets.
constexpr std::chrono::seconds kLastAttempt{60};

std::optional<std::int64_t> http_date(const std::string& text) {
  std::tm parts{};
  const char* end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return timegm(&parts);
}

}  // namespace

std::chrono::milliseconds backoff_delay(const BackoffPolicy& policy, int attempt, double random) {
  const int doublings = std::clamp(attempt - 1, 0, 30);
  const auto ceiling = std::min<std::int64_t>(policy.max.count(), policy.base.count() << doublings);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(random * static_cast<double>(ceiling)));
}

std::optional<std::chrono::milliseconds> within_deadline(std::chrono::milliseconds delay,
                                                         std::int64_t now, std::int64_t deadline) {
  if (deadline == 0) return delay;
  const std::chrono::milliseconds left = std::chrono::seconds(deadline - now);
  if (left <= std::chrono::milliseconds(0)) return std::nullopt;
  if (delay + kLastAttempt <= left) return delay;
  return std::min(delay, left > 2 * kLastAttempt ? left - kLastAttempt : left / 2);
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text,
                                                           std::int64_t now) {
  std::int64_t seconds = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  if (text.empty() || error != std::errc() || stop != end) {
    const auto date = http_date(std::string(text));
    if (!date) return std::nullopt;
    seconds = *date - now;
  }
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kMaxRetryAfterSeconds));
}

}  // namespace media::queue
