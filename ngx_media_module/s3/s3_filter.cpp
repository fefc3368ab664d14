#include "ngx_media_module/s3/s3_filter.hpp"

#include <charconv>

#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/compat.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/s3/s3_passage.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

ngx_http_output_header_filter_pt next_filter;

/// Not one that nginx made, such as an error page.
bool is_from_store(const ngx_http_request_t* r) {
  return r->upstream != nullptr && r->upstream->headers_in.status_n != 0 && r->err_status == 0;
}

/// Of all that a store says about an object, we know better or do not care.
void drop_headers_of_store(ngx_http_request_t* r, RequestCtx& ctx) {
  auto& out = r->headers_out;
  for (auto* part = &out.headers.part; part != nullptr; part = part->next) {
    auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) {
      const bool is_kept = &headers[i] == out.content_range || &headers[i] == out.last_modified;
      if (!is_kept) headers[i].hash = 0;
    }
  }
  out.server = out.date = out.location = out.refresh = out.expires = nullptr;
  out.accept_ranges = out.etag = nullptr;
  out.content_encoding = out.www_authenticate = nullptr;
  out.override_charset = nullptr;
  out.charset = {};
  ctx.headers = {};
  compat::unregister_cache_control(r);
}

/// Of the whole object; -1 when the answer does not tell.
off_t object_size(const ngx_http_headers_out_t& out) {
  if (out.status != NGX_HTTP_PARTIAL_CONTENT) return out.content_length_n;
  if (out.content_range == nullptr) return -1;
  const auto text = view(out.content_range->value);
  const auto slash = text.rfind('/');
  off_t size = -1;
  if (slash != text.npos) std::from_chars(text.data() + slash + 1, text.data() + text.size(), size);
  return size;
}

/// How we answer what a store answered; NGX_OK: with the media.
ngx_int_t status_of(ngx_http_request_t* r, const MediaRecord& record) {
  static LogThrottle status_throttle;
  static LogThrottle size_throttle;
  const ngx_uint_t status = r->headers_out.status;
  const bool is_good = status == NGX_HTTP_OK || status == NGX_HTTP_PARTIAL_CONTENT;
  if (status == NGX_HTTP_RANGE_NOT_SATISFIABLE) return static_cast<ngx_int_t>(status);
  const std::string object =
      "\"" + std::string(record.storage_key) + "\" of store \"" + std::string(record.store) + "\"";
  if (!is_good) {
    log_throttled(status_throttle, NGX_LOG_ERR, RequestLog(r).get(),
                  "an object store answered " + std::to_string(status) + " to " + object);
    if (status == NGX_HTTP_NOT_FOUND) return NGX_HTTP_NOT_FOUND;
    return status == NGX_HTTP_SERVICE_UNAVAILABLE ? NGX_HTTP_SERVICE_UNAVAILABLE
                                                  : NGX_HTTP_BAD_GATEWAY;
  }
  const off_t size = object_size(r->headers_out);
  if (size == record.size) return NGX_OK;
  log_throttled(size_throttle, NGX_LOG_ERR, RequestLog(r).get(),
                object + " has " + std::to_string(size) + " bytes there, but its record says " +
                    std::to_string(record.size));
  return NGX_HTTP_BAD_GATEWAY;
}

void set_headers(ngx_http_request_t* r, RequestCtx& ctx) {
  auto* const tag_of_store = r->headers_out.etag;
  drop_headers_of_store(r, ctx);
  add_media_headers(r, ctx);
  if (!ctx.record.sha256 && tag_of_store != nullptr && uses_entity_tags(r)) {
    tag_of_store->hash = 1;
    r->headers_out.etag = tag_of_store;
  }
  if (r->headers_out.status != NGX_HTTP_OK) return;
  // What was not asked of the store, nginx does: conditions on dates, and ranges.
  r->disable_not_modified = 0;
  r->allow_ranges = 1;
  r->single_range = r->cached ? 0 : 1;
}

/// An answer that nginx made in place of the media.
void set_error_headers(ngx_http_request_t* r, RequestCtx& ctx) {
  const ngx_uint_t status = r->headers_out.status;
  // As from disk: 412 has nginx's own headers only, 416 those of the media.
  if (status == NGX_HTTP_PRECONDITION_FAILED) return;
  if (status == NGX_HTTP_RANGE_NOT_SATISFIABLE) {
    if (r->headers_out.content_range != nullptr) return;
    const auto type = r->headers_out.content_type;
    const auto type_size = r->headers_out.content_type_len;
    add_media_headers(r, ctx);
    r->headers_out.content_type = type;
    r->headers_out.content_type_len = type_size;
    ngx_http_clear_etag(r);
    const std::string range = "bytes */" + std::to_string(ctx.record.size);
    r->headers_out.content_range = add_header(r, "Content-Range", view(copy(r->pool, range)));
    return;
  }
  add_safety_headers(r, ctx, {}, "no-store");
  if (status == NGX_HTTP_SERVICE_UNAVAILABLE) add_header(r, "Retry-After", kRetryAfterSeconds);
}

/// Parts of one object have one entity tag (`slice` insists on that).
void unite_parts(ngx_http_request_t* r, const MediaRecord& record) {
  if (!record.sha256 || !uses_entity_tags(r)) return;
  if (r->headers_out.etag != nullptr) r->headers_out.etag->hash = 0;
  add_entity_tag(r, *record.sha256);
}

ngx_int_t filter(ngx_http_request_t* r) {
  if (r != r->main) {
    const auto* passage = find_passage(r);
    if (passage != nullptr) unite_parts(r, *passage->record);
    return next_filter(r);
  }
  RequestCtx* ctx = find_ctx(r);
  if (ctx == nullptr || ctx->passage == nullptr) return next_filter(r);
  if (!is_from_store(r)) {
    set_error_headers(r, *ctx);
    return next_filter(r);
  }
  const ngx_int_t status = status_of(r, ctx->record);
  if (status != NGX_OK) {
    ctx->headers = {};
    return ngx_http_filter_finalize_request(r, &ngx_http_media_module, status);
  }
  set_headers(r, *ctx);
  return next_filter(r);
}

}  // namespace

void add_s3_filter() {
  next_filter = ngx_http_top_header_filter;
  ngx_http_top_header_filter = guarded_handler<filter>;
}

}  // namespace media::nginx
