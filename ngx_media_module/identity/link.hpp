#pragma once

#include "ngx_media_module/identity/identity.hpp"

namespace media::nginx {

/// Whether the request came by a signed link that opens what it asks for, by the
/// location's `media_link_key`. A link bound to a user needs the caller: unknown
/// means that the request waits for it now.
LinkState check_link(ngx_http_request_t* r, RequestCtx& ctx, Patience patience);

}  // namespace media::nginx
