#pragma once

#include <string_view>

#include "ngx_media_module/log_throttle.hpp"
#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// Logs "media: <message>", at most once a second for each throttle; tells how
/// many similar messages were left out.
void log_throttled(LogThrottle& throttle, ngx_uint_t level, ngx_log_t* log,
                   std::string_view message);

/// The log of a request, without the request line that nginx would append: a
/// token may be in its query.
class RequestLog {
 public:
  explicit RequestLog(ngx_http_request_t* r);
  ngx_log_t* get() { return &log_; }

  /// "media: <message>, client: ADDRESS"
  void write(ngx_uint_t level, ngx_err_t error, std::string_view message);

 private:
  ngx_log_t log_;
  const ngx_str_t& client_;
};

}  // namespace media::nginx
