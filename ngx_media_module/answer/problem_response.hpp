#pragma once

#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// 202 with a problem document: the media is not here yet.
ngx_int_t send_pending(ngx_http_request_t* r, RequestCtx& ctx);

}  // namespace media::nginx
