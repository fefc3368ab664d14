#pragma once

#include "ngx_media_module/identity/session.hpp"
#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// The caller by a signed or encrypted token, which needs nobody to be asked.
SessionOutcome try_jwt(RequestCtx& ctx, const Session& session, const JwtSession& jwt);
SessionOutcome try_next_auth(RequestCtx& ctx, const Session& session,
                             const NextAuthSession& next_auth);

}  // namespace media::nginx
