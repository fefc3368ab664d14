#pragma once

#include <cstdint>
#include <span>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media::storage {

/// A file being written that nobody can see yet, on the local disk. Dropping it
/// leaves nothing behind.
class Upload {
 public:
  virtual ~Upload() = default;
  /// Error `storage`: disk full, I/O error.
  virtual Result<void> append(ByteView chunk) = 0;
  virtual std::uint64_t size() const = 0;
  /// Fills `into` from `offset` on; fewer bytes only at the end. Blocks.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const = 0;
};

}  // namespace media::storage
