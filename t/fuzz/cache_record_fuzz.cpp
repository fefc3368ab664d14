#include <array>
#include <cstring>

#include "ngx_media_module/cache/cache_record.hpp"

// What reads as a record or an identity must be written as the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
  static std::array<std::byte, 1 << 20> buffer;
  const auto check = [&](std::span<const std::byte> written) {
    if (written.size() != size || std::memcmp(written.data(), data, size) != 0) __builtin_trap();
  };
  if (const auto record = media::nginx::read_record(bytes)) {
    check(media::nginx::write_record(*record, buffer));
  }
  if (const auto cached = media::nginx::read_identity(bytes)) {
    media::Identity identity;
    identity.user = cached->user;
    identity.role = cached->role;
    identity.expires_at = cached->expires_at;
    // Written with commas between them, as they were read.
    identity.companies = {std::string(cached->companies)};
    check(media::nginx::write_identity(identity, buffer));
  }
  return 0;
}
