#pragma once

#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// Sends the file of the granted record, as nginx's static module would; of an object store, see
/// send_from_s3().
ngx_int_t send_file(ngx_http_request_t* r, RequestCtx& ctx);

}  // namespace media::nginx
