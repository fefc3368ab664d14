#include "ngx_media_module/cache/local_cache.hpp"

#include <cstring>

namespace media::nginx {

LocalCache::LocalCache(const SharedCache& shared)
    : shared_(shared), slots_(std::make_unique<Slot[]>(kSlots)) {}

LocalCache::Slot& LocalCache::slot_of(CachePart part, const CacheKey& key) const {
  const std::uint64_t hash = key.hash() + static_cast<std::uint64_t>(part);
  return slots_[(hash >> 20) % kSlots];
}

std::optional<CachedAnswer> LocalCache::find(CachePart part, const CacheKey& key) const {
  const Slot& slot = slot_of(part, key);
  const bool is_here = slot.is_used && slot.part == part && slot.key == key;
  if (!is_here || !shared_.is_current(slot.answer.ticket)) return std::nullopt;
  return slot.answer;
}

void LocalCache::insert(CachePart part, const CacheKey& key, const CachedAnswer& answer) {
  if (answer.value.size() > kMaxValueBytes) return;
  Slot& slot = slot_of(part, key);
  slot.key = key;
  slot.part = part;
  slot.answer = answer;
  std::memcpy(slot.value.data(), answer.value.data(), answer.value.size());
  slot.answer.value = std::span(slot.value).first(answer.value.size());
  slot.is_used = true;
}

}  // namespace media::nginx
