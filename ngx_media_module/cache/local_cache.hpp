#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "ngx_media_module/cache/shared_cache.hpp"

namespace media::nginx {

/// First level of the cache, of one worker: answers that are asked for all the
/// time are found without a lock. It holds copies of what is in the shared
/// cache, and believes them only while their ticket is current there.
class LocalCache {
 public:
  static constexpr std::size_t kSlots = 4096;
  static constexpr std::size_t kMaxValueBytes = 704;  // larger answers stay in the shared cache

  explicit LocalCache(const SharedCache& shared);

  /// The value lies in the cache, until the next insert().
  std::optional<CachedAnswer> find(CachePart part, const CacheKey& key) const;
  void insert(CachePart part, const CacheKey& key, const CachedAnswer& answer);

 private:
  struct Slot {
    CacheKey key;
    CachePart part = CachePart::records;
    CachedAnswer answer;  ///< fresh until 0: a free slot
    std::array<std::byte, kMaxValueBytes> value;
  };

  static constexpr std::size_t kWays = 2;

  std::span<Slot, kWays> slots_of(CachePart part, const CacheKey& key) const;

  const SharedCache& shared_;
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace media::nginx
