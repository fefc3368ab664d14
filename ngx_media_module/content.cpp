#include "ngx_media_module/content.hpp"

#include "ngx_media_module/access.hpp"
#include "ngx_media_module/answer/file_response.hpp"
#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/problem_response.hpp"
#include "ngx_media_module/log.hpp"

namespace media::nginx {

ngx_int_t content_handler(ngx_http_request_t* r) {
  RequestCtx& ctx = require_ctx(r);
  // nginx skips the access phase for subrequests, and `satisfy any` may cut it
  // short: whatever the way here, without a decision there is no file.
  switch (ctx.decision) {
    case Decision::granted:
      if (ctx.subject.data == nullptr) break;
      return send_file(r, ctx);
    case Decision::pending:
      return send_pending(r, ctx);
    case Decision::undecided:
      break;
    default:
      return refuse_request(r, ctx);
  }
  RequestLog(r).write(NGX_LOG_INFO, 0, "a request without a decision of its own is refused");
  add_safety_headers(r, ctx, {}, "no-store");
  return NGX_HTTP_FORBIDDEN;
}

}  // namespace media::nginx
