#include "ngx_media_module/answer/problem_response.hpp"

#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {

ngx_int_t send_pending(ngx_http_request_t* r, RequestCtx& ctx) {
  add_safety_headers(r, ctx, {}, "no-store");
  add_header(r, "Retry-After", kRetryAfterSeconds);
  ngx_str_t type = ngx_string("application/problem+json");
  ngx_http_complex_value_t body{};
  body.value = borrow(pending_problem(ctx.record.status));
  r->connection->log->action = const_cast<char*>("sending response to client");
  return ngx_http_send_response(r, NGX_HTTP_ACCEPTED, &type, &body);
}

}  // namespace media::nginx
