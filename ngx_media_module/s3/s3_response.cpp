#include "ngx_media_module/s3/s3_response.hpp"

#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/s3/conditions.hpp"
#include "ngx_media_module/s3/s3_passage.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// What the client has is what it asks for: nobody needs to be sent anywhere.
ngx_int_t send_not_modified(ngx_http_request_t* r, RequestCtx& ctx) {
  const ngx_int_t discarded = ngx_http_discard_request_body(r);
  if (discarded != NGX_OK) return discarded;
  add_media_headers(r, ctx);
  r->headers_out.status = NGX_HTTP_NOT_MODIFIED;
  r->headers_out.content_type.len = 0;
  r->header_only = 1;
  return ngx_http_send_header(r);
}

/// No store is asked for nothing, least of all for a part of it.
ngx_int_t send_empty(ngx_http_request_t* r, RequestCtx& ctx) {
  const ngx_int_t discarded = ngx_http_discard_request_body(r);
  if (discarded != NGX_OK) return discarded;
  add_media_headers(r, ctx);
  r->headers_out.status = NGX_HTTP_OK;
  r->headers_out.content_length_n = 0;
  r->allow_ranges = 1;
  const ngx_int_t rc = ngx_http_send_header(r);
  if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) return rc;
  return ngx_http_send_special(r, NGX_HTTP_LAST);
}

/// The status that conditions on the entity tag come to; NGX_OK when it is the media.
ngx_int_t check_conditions(ngx_http_request_t* r, const MediaRecord& record) {
  const auto& headers = r->headers_in;
  if (!record.sha256 || !uses_entity_tags(r)) return NGX_OK;
  const auto tag = entity_tag(*record.sha256);
  const std::string_view text(tag.data(), tag.size());
  if (headers.if_match != nullptr &&
      !names_entity_tag(view(headers.if_match->value), text, false)) {
    return NGX_HTTP_PRECONDITION_FAILED;
  }
  if (headers.if_none_match != nullptr &&
      names_entity_tag(view(headers.if_none_match->value), text, true)) {
    return NGX_HTTP_NOT_MODIFIED;
  }
  return NGX_OK;
}

ngx_int_t send_redirect(ngx_http_request_t* r, RequestCtx& ctx, S3Store& store) {
  const auto target = redirect_target(store, ctx.record, view(r->method_name), ngx_time());
  const char* const who = target.is_public ? "public" : "private";
  u_char* const age = allocate_bytes(r->pool, sizeof("private, max-age=") + NGX_INT64_LEN);
  const u_char* const end = ngx_sprintf(age, "%s, max-age=%L", who, target.max_age);
  add_safety_headers(r, ctx, {}, view({static_cast<std::size_t>(end - age), age}));
  r->headers_out.location = add_header(r, "Location", view(copy(r->pool, target.url)));
  return NGX_HTTP_MOVED_TEMPORARILY;
}

}  // namespace

ngx_int_t send_from_s3(ngx_http_request_t* r, RequestCtx& ctx, S3Store& store) {
  const ngx_int_t condition = check_conditions(r, ctx.record);
  if (condition == NGX_HTTP_NOT_MODIFIED) return send_not_modified(r, ctx);
  if (condition != NGX_OK) return condition;
  const bool is_redirect = store.serve == S3Serve::redirect || is_at_public_url(store, ctx.record);
  if (is_redirect) return send_redirect(r, ctx, store);
  return ctx.record.size == 0 ? send_empty(r, ctx) : pass_to_s3(r, ctx, store);
}

}  // namespace media::nginx
