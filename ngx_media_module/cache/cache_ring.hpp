#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "ngx_media_module/cache/cache_key.hpp"

namespace media::nginx {

/// Entries of any size in one block of memory, evicted in the order they came.
/// The block holds no pointers and may be mapped anywhere; the object is only a
/// view of it. The caller provides the locking. Reading a block that a killed
/// process left half-written never leaves the block.
class CacheRing {
 public:
  static constexpr std::size_t kMinBytes = 65536;

  explicit CacheRing(std::span<std::byte> block);

  /// Makes the block an empty ring.
  void format();

  /// The latest value under the key; empty when there is none. Valid until the
  /// next insert(), and only under the lock.
  std::span<const std::byte> find(const CacheKey& key) const;

  /// Replaces what is under the key. False when the value is too large to keep.
  bool insert(const CacheKey& key, std::span<const std::byte> value);

 private:
  struct Header;
  struct Entry;
  using Position = std::uint64_t;  // bytes ever written before an entry, never 0
  static constexpr std::size_t kWays = 8;

  std::span<Position, kWays> bucket_of(const CacheKey& key) const;
  const Entry* entry_at(Position position) const;
  bool is_live(Position position) const;
  Position reserve(std::size_t bytes);

  Header* header_;
  std::span<Position> index_;
  std::span<std::byte> data_;
};

}  // namespace media::nginx
