#pragma once

#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// Access phase: `media_authorize` and `media`.
ngx_int_t access_handler(ngx_http_request_t* r);

/// Ends a request by the decision, with the headers that belong to it. Not for
/// `granted` and `pending`.
ngx_int_t refuse_request(ngx_http_request_t* r, RequestCtx& ctx);

}  // namespace media::nginx
