#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "ngx_media_module/lookup/record.hpp"

namespace media::nginx {

/// Content-Security-Policy for bytes that strangers sent. Nothing may run or
/// load; what differs by type is only what browsers' own viewers need.
std::string_view content_security_policy(std::string_view mime_type);

/// Cache-Control of a sent file. Bytes behind an id never change, but the right
/// to see them may end: so immutable, and not for longer than an hour.
std::string_view cache_control(bool is_public);

/// Strong entity tag: the SHA-256 of the content, quoted.
std::array<char, 66> entity_tag(const std::array<std::uint8_t, 32>& sha256);

/// RFC 9457 body of the 202 answer.
std::string_view pending_problem(DownloadStatus status);

/// When a client should ask again, in seconds.
inline constexpr std::string_view kRetryAfterSeconds = "2";

}  // namespace media::nginx
