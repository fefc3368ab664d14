#pragma once

#include "ngx_media_module/identity/identity.hpp"
#include "ngx_media_module/identity/session.hpp"

namespace media::nginx {

/// The caller by what the site's own application says about the request. It is
/// asked by a subrequest and answers with the status (2xx: knows the caller) and
/// the headers X-Media-User, X-Media-Companies (separated by commas) and
/// X-Media-Role. Remembered for a while by the values of `key=`.
SessionOutcome try_request(RequestCtx& ctx, const Session& session, const RequestSession& request,
                           Patience patience);

}  // namespace media::nginx
