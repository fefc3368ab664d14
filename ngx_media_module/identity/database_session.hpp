#pragma once

#include "ngx_media_module/identity/identity.hpp"
#include "ngx_media_module/identity/session.hpp"

namespace media::nginx {

/// The caller by an opaque token that the database knows. Waits unless the
/// answer is cached; without patience only the cache is asked.
SessionOutcome try_database(RequestCtx& ctx, const DatabaseSession& session, Patience patience);

}  // namespace media::nginx
