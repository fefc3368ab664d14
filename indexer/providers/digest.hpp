#pragma once

#include <optional>
#include <string_view>

#include "core/crypto.hpp"

namespace media::providers {

/// A SHA-256 that a provider sent: 64 hexadecimal digits, or base64 in either
/// alphabet with or without padding. Nothing for everything else.
std::optional<Sha256Digest> parse_sha256(std::string_view text);

}  // namespace media::providers
