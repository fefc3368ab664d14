#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Content of a `media` location: sends what the access phase has granted, and
/// nothing without such a grant.
ngx_int_t content_handler(ngx_http_request_t* r);

}  // namespace media::nginx
