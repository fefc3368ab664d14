#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "core/claims.hpp"
#include "ngx_media_module/record.hpp"

namespace media::nginx {

/// How records and identities lie in the cache. Writing gives the used part of
/// the buffer, empty when it is too small; reading gives nothing for bytes that
/// writing cannot have made, and texts that point into them.
std::span<const std::byte> write_record(const MediaRecord& record, std::span<std::byte> buffer);
std::optional<MediaRecord> read_record(std::span<const std::byte> bytes);

std::span<const std::byte> write_identity(const Identity& identity, std::span<std::byte> buffer);
std::optional<Identity> read_identity(std::span<const std::byte> bytes);

}  // namespace media::nginx
