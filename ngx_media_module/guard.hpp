#pragma once

#include <exception>

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Runs `body`; an exception is logged and becomes `on_error`. Every function
/// that nginx or libpq calls goes through here: none may throw into C.
template <class Result, class Body>
Result guard(ngx_log_t* log, Result on_error, Body&& body) noexcept {
  try {
    return body();
  } catch (const std::exception& error) {
    ngx_log_error(NGX_LOG_ALERT, log, 0, "media: %s", error.what());
  } catch (...) {
    ngx_log_error(NGX_LOG_ALERT, log, 0, "media: unknown exception");
  }
  return on_error;
}

/// A request handler that may throw, as nginx wants it.
template <ngx_int_t (*Handler)(ngx_http_request_t*)>
ngx_int_t guarded_handler(ngx_http_request_t* r) noexcept {
  return guard<ngx_int_t>(r->connection->log, NGX_HTTP_INTERNAL_SERVER_ERROR,
                          [r] { return Handler(r); });
}

using DirectiveHandler = char* (*)(ngx_conf_t*, ngx_command_t*, void*);

/// A directive handler that may throw, as nginx wants it.
template <DirectiveHandler Handler>
char* guarded_directive(ngx_conf_t* cf, ngx_command_t* command, void* conf) noexcept {
  return guard<char*>(cf->log, static_cast<char*>(NGX_CONF_ERROR),
                      [&] { return Handler(cf, command, conf); });
}

}  // namespace media::nginx
