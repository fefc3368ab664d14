#include "ngx_media_module/cache/shared_cache.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace media::nginx {
namespace {

constexpr std::uint64_t kMagic = 0x336863616369646D;  // changes with the layout
constexpr std::size_t kTagCount = 1u << 14;

/// Stored before the value of an entry.
struct Stamp {
  CacheTicket ticket;
  std::uint64_t fresh_until;
  std::uint64_t stale_until;
};

}  // namespace

struct SharedCache::Header {
  std::atomic<std::uint64_t> magic;
  std::uint64_t block_size;
  std::atomic<std::uint64_t> generation;
  std::atomic<std::uint64_t> invalidations;
  std::atomic<std::uint64_t> vouched_at;
  std::atomic<std::uint64_t> repairs;
  bool is_being_written;  // under the lock
  std::array<std::atomic<std::uint32_t>, kTagCount> versions;
};

/// Holds the lock. A process that was killed while writing left
/// `is_being_written` behind: then the rings are emptied before anybody reads.
class SharedCache::Guard {
 public:
  explicit Guard(SharedCache& cache) : cache_(cache) {
    cache_.lock_.lock();
    if (!cache_.header_->is_being_written) return;
    for (CacheRing& ring : cache_.rings_) ring.format();
    cache_.header_->is_being_written = false;
    cache_.header_->repairs.fetch_add(1, std::memory_order_relaxed);
  }
  ~Guard() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    cache_.header_->is_being_written = false;
    cache_.lock_.unlock();
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  void begin_write() {
    cache_.header_->is_being_written = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

 private:
  SharedCache& cache_;
};

namespace {

/// Records get three quarters of the memory, identities three sixteenths,
/// negative answers one sixteenth.
std::span<std::byte> part_of(std::span<std::byte> block, std::size_t header_size, CachePart part) {
  constexpr std::size_t kAlignment = 64;
  block = block.subspan((header_size + kAlignment - 1) / kAlignment * kAlignment);
  const std::size_t sixteenth = block.size() / 16 / kAlignment * kAlignment;
  switch (part) {
    case CachePart::records:
      return block.first(12 * sixteenth);
    case CachePart::identities:
      return block.subspan(12 * sixteenth, 3 * sixteenth);
    case CachePart::negatives:
      return block.subspan(15 * sixteenth, sixteenth);
  }
  return {};
}

}  // namespace

CacheTag cache_tag(std::span<const std::uint8_t> id) {
  std::uint32_t mixed = 2166136261u;  // FNV-1a: ids are not chosen by whom it could hurt
  for (const std::uint8_t byte : id) mixed = (mixed ^ byte) * 16777619u;
  return (mixed ^ mixed >> 14) % kTagCount;
}

SharedCache::SharedCache(std::span<std::byte> block, SharedLock& lock)
    : header_(reinterpret_cast<Header*>(block.data())),
      lock_(lock),
      rings_{CacheRing(part_of(block, sizeof(Header), CachePart::records)),
             CacheRing(part_of(block, sizeof(Header), CachePart::identities)),
             CacheRing(part_of(block, sizeof(Header), CachePart::negatives))} {
  if (header_->magic.load() == kMagic && header_->block_size == block.size()) return;
  header_ = new (block.data()) Header{};
  header_->block_size = block.size();
  for (CacheRing& ring : rings_) ring.format();
  header_->magic.store(kMagic);
}

CacheTicket SharedCache::ticket(CacheTag tag) const {
  const std::uint64_t invalidations = header_->invalidations.load(std::memory_order_acquire);
  const std::uint32_t version = header_->versions[tag].load(std::memory_order_acquire);
  return {header_->generation.load(std::memory_order_acquire),
          invalidations,
          {tag, tag},
          {version, version}};
}

bool SharedCache::bind(CacheTicket& ticket, CacheTag second) const {
  ticket.tags[1] = second;
  ticket.versions[1] = header_->versions[second].load(std::memory_order_acquire);
  // Read after the version: see invalidate().
  return header_->invalidations.load(std::memory_order_acquire) == ticket.invalidations;
}

bool SharedCache::is_current(const CacheTicket& ticket) const {
  const auto is_unchanged = [&](std::size_t i) {
    return ticket.tags[i] < kTagCount &&
           header_->versions[ticket.tags[i]].load(std::memory_order_acquire) == ticket.versions[i];
  };
  return header_->generation.load(std::memory_order_acquire) == ticket.generation &&
         is_unchanged(0) && is_unchanged(1);
}

std::optional<CachedAnswer> SharedCache::find(CachePart part, const CacheKey& key,
                                              std::span<std::byte, kMaxValueBytes> buffer) {
  Stamp stamp;
  std::size_t size = 0;
  {
    const Guard guard(*this);
    const auto stored = rings_[static_cast<std::size_t>(part)].find(key);
    if (stored.size() < sizeof stamp || stored.size() - sizeof stamp > buffer.size()) return {};
    size = stored.size() - sizeof stamp;
    std::memcpy(&stamp, stored.data(), sizeof stamp);
    std::memcpy(buffer.data(), stored.data() + sizeof stamp, size);
  }
  if (!is_current(stamp.ticket)) return {};
  return CachedAnswer{stamp.ticket, stamp.fresh_until, stamp.stale_until, buffer.first(size)};
}

void SharedCache::insert(CachePart part, const CacheKey& key, const CachedAnswer& answer) {
  if (answer.value.size() > kMaxValueBytes || !is_current(answer.ticket)) return;
  std::array<std::byte, sizeof(Stamp) + kMaxValueBytes> entry;
  const Stamp stamp{answer.ticket, answer.fresh_until, answer.stale_until};
  std::memcpy(entry.data(), &stamp, sizeof stamp);
  std::ranges::copy(answer.value, entry.begin() + sizeof stamp);
  Guard guard(*this);
  guard.begin_write();
  rings_[static_cast<std::size_t>(part)].insert(
      key, std::span(entry).first(sizeof stamp + answer.value.size()));
}

void SharedCache::invalidate(CacheTag tag) {
  header_->invalidations.fetch_add(1, std::memory_order_acq_rel);
  header_->versions[tag % kTagCount].fetch_add(1, std::memory_order_acq_rel);
}

void SharedCache::flush() { header_->generation.fetch_add(1, std::memory_order_acq_rel); }

void SharedCache::vouch(std::uint64_t now) {
  std::uint64_t known = vouched_at();
  while (known < now && !header_->vouched_at.compare_exchange_weak(known, now)) {
  }
}

std::uint64_t SharedCache::vouched_at() const {
  return header_->vouched_at.load(std::memory_order_acquire);
}

std::uint64_t SharedCache::invalidations() const {
  return header_->invalidations.load(std::memory_order_relaxed);
}

std::uint64_t SharedCache::flushes() const {
  return header_->generation.load(std::memory_order_relaxed);
}

std::uint64_t SharedCache::repairs() const {
  return header_->repairs.load(std::memory_order_relaxed);
}

}  // namespace media::nginx
