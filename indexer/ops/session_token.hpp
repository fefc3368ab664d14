#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media::ops {

/// A fresh opaque token: 32 random bytes in base64url, never with a '-' in
/// front, which commands would take for an option.
std::string new_session_token();

/// Whether a token carries its own claims (JSON Web Token, signed or
/// encrypted), so that no session is stored of it.
bool is_self_contained(std::string_view token);

/// When a self-contained token ends (`exp`, Unix seconds), its signature
/// unchecked; nothing when it is encrypted or never ends. Error
/// `invalid_argument`: not a whole token.
Result<std::optional<std::int64_t>> expiry_of(std::string_view token);

}  // namespace media::ops
