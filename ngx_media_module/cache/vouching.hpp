#pragma once

#include <cstdint>

#include "ngx_media_module/cache/shared_cache.hpp"

namespace media::nginx {

/// For how long a promise that the cache is up to date is believed.
inline constexpr std::uint64_t kVouchedMilliseconds = 1000;

/// Processes may read clocks that differ by this much.
inline constexpr std::uint64_t kClockTick = 10;

/// Whether cached answers of the database may be given at `now`: a listener
/// has heard from it within the last second.
inline bool is_vouched(const SharedCache& cache, std::uint64_t now) {
  return now < cache.vouched_at() + kVouchedMilliseconds;
}

/// When a listener may vouch for the shared cache. Whoever begins to listen has
/// missed what was notified before. Another listener (of the workers that a
/// reload replaces, say) may have heard it all: when that one vouches for a moment
/// at which this one listened already, nothing was lost. If none does within
/// the time that a promise lasts, everything cached is invalidated.
class Vouching {
 public:
  explicit Vouching(SharedCache& cache) : cache_(cache) {}

  /// LISTEN was confirmed at `now`.
  void on_listening(std::uint64_t now) {
    listening_since_ = now + kClockTick;
    is_complete_ = false;
  }

  /// The server answered what was asked at `asked_at`; all notifications of
  /// transactions that ended before have been applied.
  void on_heard(std::uint64_t asked_at, std::uint64_t now) {
    if (!is_complete_) is_complete_ = take_over(now);
    if (is_complete_) cache_.vouch(asked_at);
  }

  /// Whether this listener vouches.
  bool is_complete() const { return is_complete_; }

 private:
  bool take_over(std::uint64_t now) {
    if (cache_.vouched_at() >= listening_since_) return true;
    const bool is_alone = !is_vouched(cache_, now);
    if (is_alone) cache_.flush();
    return is_alone;
  }

  SharedCache& cache_;
  std::uint64_t listening_since_ = 0;
  bool is_complete_ = false;
};

}  // namespace media::nginx
