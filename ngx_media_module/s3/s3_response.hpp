#pragma once

#include "ngx_media_module/request_ctx.hpp"
#include "ngx_media_module/s3/s3_store.hpp"

namespace media::nginx {

/// Answers for the granted record, which lies in this object store.
ngx_int_t send_from_s3(ngx_http_request_t* r, RequestCtx& ctx, S3Store& store);

}  // namespace media::nginx
