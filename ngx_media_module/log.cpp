#include "ngx_media_module/log.hpp"

#include "ngx_media_module/text.hpp"

namespace media::nginx {

void log_throttled(LogThrottle& throttle, ngx_uint_t level, ngx_log_t* log,
                   std::string_view message) {
  const auto suppressed = throttle.pass(ngx_current_msec);
  if (!suppressed) return;
  const ngx_str_t text = borrow(message);
  if (*suppressed == 0) {
    ngx_log_error(level, log, 0, "media: %V", &text);
  } else {
    ngx_log_error(level, log, 0, "media: %V (%uL similar messages left out)", &text, *suppressed);
  }
}

RequestLog::RequestLog(ngx_http_request_t* r)
    : log_(*r->connection->log), client_(r->connection->addr_text) {
  log_.handler = nullptr;
}

void RequestLog::write(ngx_uint_t level, ngx_err_t error, std::string_view message) {
  const ngx_str_t text = borrow(message);
  ngx_log_error(level, &log_, error, "media: %V, client: %V", &text, &client_);
}

}  // namespace media::nginx
