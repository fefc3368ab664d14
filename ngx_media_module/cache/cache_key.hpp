#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace media::nginx {

/// What a cached answer is found by: whom or what it is about, and the policy
/// it was given under. An answer under one policy is never one under another.
struct CacheKey {
  std::array<std::uint8_t, 32> id{};  ///< digest of a token, or a media id followed by zeros
  std::uint64_t policy = 0;

  friend bool operator==(const CacheKey&, const CacheKey&) = default;

  /// Spreads ids that share a prefix, as time-ordered UUIDs do.
  std::uint64_t hash() const {
    std::uint64_t mixed = policy;
    for (std::size_t i = 0; i < id.size(); i += sizeof mixed) {
      std::uint64_t word;
      std::memcpy(&word, id.data() + i, sizeof word);
      mixed = (mixed ^ word) * 0x9E3779B97F4A7C15u;
      mixed ^= mixed >> 32;
    }
    return mixed;
  }
};

}  // namespace media::nginx
