#pragma once

#include <optional>
#include <string_view>

#include "ngx_media_module/ngx.hpp"

// All that differs between nginx versions 1.22 and 1.31.
namespace media::nginx::compat {

/// Headers of one name form a list since 1.23.0; core follows `next`.
inline void end_list(ngx_table_elt_t* header) {
#if nginx_version >= 1023000
  header->next = nullptr;
#else
  (void)header;
#endif
}

/// Registers the header where `expires` and `add_header Cache-Control` look for
/// it, so that they replace it.
inline bool register_cache_control(ngx_http_request_t* r, ngx_table_elt_t* header) {
#if nginx_version >= 1023000
  r->headers_out.cache_control = header;
  return true;
#else
  ngx_array_t& list = r->headers_out.cache_control;
  if (list.elts == nullptr &&
      ngx_array_init(&list, r->pool, 1, sizeof(ngx_table_elt_t*)) != NGX_OK) {
    return false;
  }
  auto** slot = static_cast<ngx_table_elt_t**>(ngx_array_push(&list));
  if (slot == nullptr) return false;
  *slot = header;
  return true;
#endif
}

/// For a header that was registered and is not to be sent.
inline void unregister_cache_control(ngx_http_request_t* r) {
#if nginx_version >= 1023000
  r->headers_out.cache_control = nullptr;
#else
  r->headers_out.cache_control.nelts = 0;
#endif
}

/// The value of the first cookie of this name. Cookie headers were an array
/// before 1.23.0; since 1.29.6 they have a parser of their own, and the one for
/// all headers splits at commas only.
inline std::optional<std::string_view> find_cookie(ngx_http_request_t* r, std::string_view name) {
  ngx_str_t wanted = {name.size(), reinterpret_cast<u_char*>(const_cast<char*>(name.data()))};
  ngx_str_t value{};
#if nginx_version >= 1029006
  const bool is_found =
      ngx_http_parse_cookie_lines(r, r->headers_in.cookie, &wanted, &value) != nullptr;
#elif nginx_version >= 1023000
  const bool is_found =
      ngx_http_parse_multi_header_lines(r, r->headers_in.cookie, &wanted, &value) != nullptr;
#else
  const bool is_found =
      ngx_http_parse_multi_header_lines(&r->headers_in.cookies, &wanted, &value) != NGX_DECLINED;
#endif
  if (!is_found) return std::nullopt;
  return std::string_view(reinterpret_cast<const char*>(value.data), value.len);
}

}  // namespace media::nginx::compat
