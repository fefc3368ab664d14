#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "core/claims.hpp"
#include "ngx_media_module/lookup/record.hpp"

namespace media::nginx {

/// An identity as it is read: texts point into the bytes.
struct CachedIdentity {
  std::int64_t expires_at = 0;  ///< Unix seconds
  std::string_view user;
  std::string_view role;
  std::string_view companies;  ///< separated by commas; at least one
};

/// How records and identities lie in the cache. Writing gives the used part of
/// the buffer, empty when it is too small; reading gives nothing for bytes that
/// writing cannot have made, and texts that point into them.
std::span<const std::byte> write_record(const MediaRecord& record, std::span<std::byte> buffer);
std::optional<MediaRecord> read_record(std::span<const std::byte> bytes);

std::span<const std::byte> write_identity(const Identity& identity, std::span<std::byte> buffer);
std::optional<CachedIdentity> read_identity(std::span<const std::byte> bytes);

}  // namespace media::nginx
