#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace media::ingest {

struct Rate {
  double per_second = 0;  ///< 0: no limit
  double burst = 0;       ///< as many at once, after a pause
};

/// A token bucket an account. Full ones are forgotten: there are never more
/// than twice as many as accounts that have lately sent something.
class RateLimit {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Verdict {
    bool is_admitted = true;
    std::int64_t tell_refused = 0;  ///< refused since the log was told last; 0: not now
  };

  explicit RateLimit(Rate rate) : rate_(rate) {}

  Verdict take(const std::string& account_id, TimePoint now);
  std::size_t buckets() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    TimePoint filled_at;
    TimePoint told_at{};
    std::int64_t refused = 0;
  };

  void refill(Bucket& bucket, TimePoint now) const;
  void forget_full(TimePoint now);

  Rate rate_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::size_t most_buckets_ = 64;  ///< then the full ones are looked for
};

}  // namespace media::ingest
