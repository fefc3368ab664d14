#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Content handler of `media_status`.
ngx_int_t status_handler(ngx_http_request_t* r);

}  // namespace media::nginx
