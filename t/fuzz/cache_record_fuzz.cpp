#include <array>
#include <cstring>

#include "ngx_media_module/cache/cache_record.hpp"

// What reads as a record must be written as the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  static std::array<std::byte, 1 << 20> buffer;
  if (const auto record = media::nginx::read_record(bytes)) {
    const auto written = media::nginx::write_record(*record, buffer);
    if (written.size() != size || std::memcmp(written.data(), data, size) != 0) __builtin_trap();
  }
  media::nginx::read_identity(bytes);
  return 0;
}
