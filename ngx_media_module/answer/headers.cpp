#include "ngx_media_module/answer/headers.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/compat.hpp"
#include "ngx_media_module/s3/s3_passage.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// Takes back what add_safety_headers() added before an internal redirect.
void remove_headers(ngx_http_request_t* r, RequestCtx& ctx) {
  for (auto*& header : ctx.headers) {
    if (header != nullptr) header->hash = 0;
    header = nullptr;
  }
  compat::unregister_cache_control(r);
}

/// What the module says itself. An application that sends it along with
/// X-Accel-Redirect is not heard.
constexpr std::array<std::string_view, 8> kOwnHeaders = {
    "Cache-Control",   "Content-Disposition",    "Content-Security-Policy",     "ETag", "Expires",
    "Referrer-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy"};

bool is_own(const ngx_str_t& name) {
  return std::ranges::any_of(kOwnHeaders, [&](std::string_view own) {
    auto* text = reinterpret_cast<u_char*>(const_cast<char*>(own.data()));
    return name.len == own.size() && ngx_strncasecmp(name.data, text, name.len) == 0;
  });
}

void drop_own_headers_of_others(ngx_http_request_t* r) {
  for (auto* part = &r->headers_out.headers.part; part != nullptr; part = part->next) {
    auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) {
      if (is_own(headers[i].key)) headers[i].hash = 0;
    }
  }
  r->headers_out.expires = nullptr;
  r->headers_out.etag = nullptr;
}

}  // namespace

ngx_table_elt_t* add_header(ngx_http_request_t* r, std::string_view name, std::string_view value) {
  auto* header = static_cast<ngx_table_elt_t*>(ngx_list_push(&r->headers_out.headers));
  if (header == nullptr) throw std::bad_alloc();
  header->hash = 1;
  header->key = borrow(name);
  header->value = borrow(value);
  header->lowcase_key = nullptr;
  compat::end_list(header);
  return header;
}

void add_safety_headers(ngx_http_request_t* r, RequestCtx& ctx, std::string_view mime_type,
                        std::string_view cache_control) {
  remove_headers(r, ctx);
  drop_own_headers_of_others(r);
  auto next = ctx.headers.begin();
  *next++ = add_header(r, "X-Content-Type-Options", "nosniff");
  *next++ = add_header(r, "Content-Security-Policy", content_security_policy(mime_type));
  *next++ = add_header(r, "Referrer-Policy", "no-referrer");
  *next++ = add_header(r, "Cross-Origin-Resource-Policy", "same-site");
  const std::string_view vary =
      ctx.passage != nullptr ? ctx.passage->vary : std::string_view(location_conf(r).vary);
  if (!vary.empty()) *next++ = add_header(r, "Vary", vary);
  *next = add_header(r, "Cache-Control", cache_control);
  if (!compat::register_cache_control(r, *next)) throw std::bad_alloc();
}

void add_media_headers(ngx_http_request_t* r, RequestCtx& ctx) {
  const MediaRecord& record = ctx.record;
  r->headers_out.content_type = borrow(record.mime_type);
  r->headers_out.content_type_len = record.mime_type.size();
  r->headers_out.content_type_lowcase = nullptr;
  add_safety_headers(r, ctx, record.mime_type, cache_control(record.is_public));
  if (record.sha256 && uses_entity_tags(r)) add_entity_tag(r, *record.sha256);
  add_header(r, "Content-Disposition", record.disposition);
}

bool uses_entity_tags(ngx_http_request_t* r) {
  return static_cast<ngx_http_core_loc_conf_t*>(
             ngx_http_get_module_loc_conf(r, ngx_http_core_module))
             ->etag != 0;
}

void add_entity_tag(ngx_http_request_t* r, const ContentHash& sha256) {
  const auto tag = entity_tag(sha256);
  const ngx_str_t value = copy(r->pool, {tag.data(), tag.size()});
  r->headers_out.etag = add_header(r, "ETag", view(value));
}

}  // namespace media::nginx
