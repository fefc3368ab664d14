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

/// What answers with the granted media have wherever its bytes lie: type, safety headers, ETag (of
/// what has a hash) and Content-Disposition.
void add_media_headers(ngx_http_request_t* r, RequestCtx& ctx);

/// Whether `etag` is on.
bool uses_entity_tags(ngx_http_request_t* r);
/// Adds the ETag of this content, and registers it where nginx's filters compare it.
void add_entity_tag(ngx_http_request_t* r, const ContentHash& sha256);

}  // namespace media::nginx
