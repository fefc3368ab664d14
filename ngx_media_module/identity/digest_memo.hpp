#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/crypto.hpp"

namespace media::nginx {

/// SHA-256 of texts that come again and again, as the tokens of callers do. A known
/// text is recognised by comparing, in constant time, which takes a fraction of hashing.
class DigestMemo {
 public:
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t kMaxTextBytes = 1024;  // larger ones are hashed each time

  DigestMemo() : slots_(std::make_unique<Slot[]>(kSlots)) {}

  Sha256Digest sha256_of(std::string_view text);

 private:
  /// A text in whole words, filled up with zeros.
  using Words = std::array<std::uint64_t, kMaxTextBytes / sizeof(std::uint64_t)>;
  struct Slot {
    std::size_t size = 0;  ///< of the text; 0: free
    Sha256Digest digest;
    Words words;
  };

  static bool holds(const Slot& slot, std::string_view text);

  std::unique_ptr<Slot[]> slots_;
};

}  // namespace media::nginx
