#pragma once

#include <array>
#include <optional>

#include "ngx_media_module/cache/local_cache.hpp"
#include "ngx_media_module/cache/shared_cache.hpp"
#include "ngx_media_module/stats.hpp"

namespace media::nginx {

/// The two levels of the cache as one worker sees them. Times are monotonic
/// milliseconds.
class AnswerCache {
 public:
  AnswerCache(SharedCache& shared, Stats& stats) : shared_(shared), local_(shared), stats_(stats) {}

  /// What is under the key, however old, unless it was invalidated. The value is
  /// valid until the next call.
  std::optional<CachedAnswer> find(CachePart part, const CacheKey& key, std::uint64_t now) {
    const auto local = local_.find(part, key);
    // Another worker may have a newer one: only what is fresh is taken without looking there.
    if (local && now < local->fresh_until) {
      stats_.add(Counter::local_hits);
      return local;
    }
    const auto shared = shared_.find(part, key, found_);
    if (!shared) return local;
    if (now < shared->fresh_until) stats_.add(Counter::shared_hits);
    local_.insert(part, key, *shared);
    return shared;
  }

  void store(CachePart part, const CacheKey& key, const CachedAnswer& answer) {
    shared_.insert(part, key, answer);
    local_.insert(part, key, answer);
  }

  SharedCache& shared() { return shared_; }

 private:
  SharedCache& shared_;
  LocalCache local_;
  Stats& stats_;
  std::array<std::byte, SharedCache::kMaxValueBytes> found_;
};

}  // namespace media::nginx
