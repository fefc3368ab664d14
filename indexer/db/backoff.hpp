#pragma once

#include <chrono>

namespace media::db {

/// Waits between attempts to reconnect: doubling, with full jitter, so that
/// many connections do not come back in step.
class Backoff {
 public:
  /// The wait before the next attempt, after one more failure.
  std::chrono::milliseconds next();
  void reset() { ceiling_ = kFirst; }

 private:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kLast{5000};
  std::chrono::milliseconds ceiling_ = kFirst;
};

}  // namespace media::db
