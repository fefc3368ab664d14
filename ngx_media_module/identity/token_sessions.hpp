#pragma once

#include "ngx_media_module/identity/identity.hpp"
#include "ngx_media_module/identity/session.hpp"

namespace media::nginx {

/// The caller by a signed or encrypted token. Where tokens can be revoked, the database
/// is asked whether this one was.
SessionOutcome try_jwt(RequestCtx& ctx, const Session& session, const JwtSession& jwt,
                       Patience patience);
SessionOutcome try_next_auth(RequestCtx& ctx, const Session& session,
                             const NextAuthSession& next_auth, Patience patience);

}  // namespace media::nginx
