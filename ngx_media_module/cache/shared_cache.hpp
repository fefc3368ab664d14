#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "ngx_media_module/cache/cache_key.hpp"
#include "ngx_media_module/cache/cache_ring.hpp"

namespace media::nginx {

/// The lock of the shared memory. A process that is killed while it holds the
/// lock loses it to the others.
class SharedLock {
 public:
  virtual void lock() = 0;
  virtual void unlock() = 0;

 protected:
  ~SharedLock() = default;
};

/// Parts of the cache: each has memory of its own, so that a flood of unknown
/// ids or of tokens cannot push out the records that people look at.
enum class CachePart { records, identities, negatives };
inline constexpr std::size_t kCacheParts = 3;

/// What an answer depends on and can be invalidated by: a media id, a user, a
/// token. Several things may share a tag; invalidating one then only makes the
/// others be looked up again.
using CacheTag = std::uint32_t;
CacheTag cache_tag(std::span<const std::uint8_t> id);

/// The moment before a question was asked. Whatever is invalidated after it
/// makes the answer worthless, also when the answer is still under way.
struct CacheTicket {
  std::uint64_t generation = 0;
  std::uint64_t invalidations = 0;  ///< of anything, so far
  std::array<CacheTag, 2> tags{};
  std::array<std::uint32_t, 2> versions{};
};

/// An answer with the times, in monotonic milliseconds, until which it may be
/// given: freely, and when the database is away.
struct CachedAnswer {
  CacheTicket ticket;
  std::uint64_t fresh_until = 0;
  std::uint64_t stale_until = 0;
  std::span<const std::byte> value;  ///< in the buffer given to find()
};

/// Answers of the database that all workers share, in one block of shared
/// memory that outlives a reload.
class SharedCache {
 public:
  static constexpr std::size_t kMinBytes = 1048576;
  static constexpr std::size_t kMaxValueBytes = 4096;

  /// A view of the block. One that holds no cache of this layout is formatted;
  /// only one process may do that, before others attach.
  SharedCache(std::span<std::byte> block, SharedLock& lock);

  CacheTicket ticket(CacheTag tag) const;
  /// Makes the answer depend on a second tag, known only now that it is there.
  /// False when that tag may have been invalidated since the ticket was made.
  bool bind(CacheTicket& ticket, CacheTag second) const;
  /// Whether nothing that the ticket stands for was invalidated. Takes no lock.
  bool is_current(const CacheTicket& ticket) const;

  /// What is under the key, however old, unless it was invalidated.
  std::optional<CachedAnswer> find(CachePart part, const CacheKey& key,
                                   std::span<std::byte, kMaxValueBytes> buffer);
  /// Does nothing when the ticket is no longer current or the value too large.
  void insert(CachePart part, const CacheKey& key, const CachedAnswer& answer);

  void invalidate(CacheTag tag);
  /// Invalidates everything.
  void flush();

  /// Promises that all that changed in the database before `now` (monotonic
  /// milliseconds) has been invalidated here.
  void vouch(std::uint64_t now);
  /// The latest such promise, 0 when there was none.
  std::uint64_t vouched_at() const;

  std::uint64_t invalidations() const;
  std::uint64_t flushes() const;
  /// Times the cache was emptied because a process had died while writing.
  std::uint64_t repairs() const;

 private:
  struct Header;
  class Guard;

  Header* header_;
  SharedLock& lock_;
  std::array<CacheRing, kCacheParts> rings_;
};

}  // namespace media::nginx
