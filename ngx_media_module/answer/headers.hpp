#pragma once

#include <string_view>

#include "ngx_media_module/request_ctx.hpp"

namespace media::nginx {

/// Adds a response header. Name and value must live as long as the request.
ngx_table_elt_t* add_header(ngx_http_request_t* r, std::string_view name, std::string_view value);

/// The headers that every answer of a `media` location has, errors included, in
/// place of all that were there under names that only the module may use. Once a
/// request, also when it is redirected internally; others are added after it.
void add_safety_headers(ngx_http_request_t* r, RequestCtx& ctx, std::string_view mime_type,
                        std::string_view cache_control);

}  // namespace media::nginx
