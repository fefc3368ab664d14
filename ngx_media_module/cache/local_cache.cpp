#include "ngx_media_module/cache/local_cache.hpp"

#include <algorithm>

namespace media::nginx {

LocalCache::LocalCache(const SharedCache& shared)
    : shared_(shared), slots_(std::make_unique<Slot[]>(kSlots)) {}

std::span<LocalCache::Slot, LocalCache::kWays> LocalCache::slots_of(CachePart part,
                                                                    const CacheKey& key) const {
  const std::uint64_t hash = key.hash() + static_cast<std::uint64_t>(part);
  return std::span<Slot, kWays>(&slots_[(hash >> 20) % (kSlots / kWays) * kWays], kWays);
}

std::optional<CachedAnswer> LocalCache::find(CachePart part, const CacheKey& key) const {
  for (const Slot& slot : slots_of(part, key)) {
    const bool is_here = slot.answer.fresh_until != 0 && slot.key == key && slot.part == part;
    if (is_here && shared_.is_current(slot.answer.ticket)) return slot.answer;
  }
  return std::nullopt;
}

void LocalCache::insert(CachePart part, const CacheKey& key, const CachedAnswer& answer) {
  if (answer.value.size() > kMaxValueBytes) return;
  const auto slots = slots_of(part, key);
  const auto same = std::ranges::find_if(
      slots, [&](const Slot& slot) { return slot.key == key && slot.part == part; });
  // Without one of this key, the one that ages first makes room.
  Slot& slot =
      same != slots.end() ? *same : *std::ranges::min_element(slots, {}, [](const Slot& s) {
        return s.answer.fresh_until;
      });
  slot.key = key;
  slot.part = part;
  slot.answer = answer;
  std::ranges::copy(answer.value, slot.value.begin());
  slot.answer.value = std::span(slot.value).first(answer.value.size());
}

}  // namespace media::nginx
