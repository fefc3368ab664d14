#pragma once

#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// Who the caller is by `media_session` and `media_token` of the request's
/// current location; found out once. With Patience::wait, an unknown state means
/// that the request waits now. Only where a session is configured.
const CallerIdentity& identify(ngx_http_request_t* r, RequestCtx& ctx, Patience patience);

}  // namespace media::nginx
