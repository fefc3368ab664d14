#pragma once

#include "core/claims.hpp"
#include "ngx_media_module/lookup/row.hpp"

namespace media::nginx {

/// Reads a row of media.lookup_session() or of a site's own query. Columns:
/// user_id and companies (an array, or one value) are required; role and
/// expires_at (Unix seconds or a timestamp) may be missing or NULL; without
/// expires_at the session never ends by itself. Errors: `internal`, naming the
/// column that is not usable.
Result<Identity> parse_session(const Row& row);

/// Reads a row of media.lookup_revocation(): whether a token no longer counts.
/// Anything but a boolean reads as revoked.
bool parse_is_revoked(const Row& row);

}  // namespace media::nginx
