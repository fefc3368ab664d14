#include "indexer/ingest/rate_limit.hpp"

#include <algorithm>
#include <utility>

namespace media::ingest {
namespace {

constexpr std::chrono::seconds kTellEvery{10};
constexpr std::size_t kFewBuckets = 64;

}  // namespace

RateLimit::Verdict RateLimit::take(const std::string& account_id, TimePoint now) {
  if (rate_.per_second <= 0) return {};
  if (buckets_.size() >= most_buckets_ && !buckets_.contains(account_id)) forget_full(now);
  Bucket& bucket = buckets_.try_emplace(account_id, Bucket{rate_.burst, now}).first->second;
  refill(bucket, now);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return {};
  }
  ++bucket.refused;
  if (bucket.told_at != TimePoint() && now - bucket.told_at < kTellEvery) return {false, 0};
  bucket.told_at = now;
  return {false, std::exchange(bucket.refused, 0)};
}

void RateLimit::refill(Bucket& bucket, TimePoint now) const {
  const std::chrono::duration<double> passed = now - bucket.filled_at;
  bucket.tokens = std::min(rate_.burst, bucket.tokens + passed.count() * rate_.per_second);
  bucket.filled_at = now;
}

/// A full bucket is as good as none.
void RateLimit::forget_full(TimePoint now) {
  std::erase_if(buckets_, [&](const auto& entry) {
    Bucket bucket = entry.second;
    refill(bucket, now);
    return bucket.tokens >= rate_.burst;
  });
  most_buckets_ = std::max(kFewBuckets, 2 * buckets_.size());
}

}  // namespace media::ingest
