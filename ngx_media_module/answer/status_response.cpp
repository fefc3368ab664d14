#include "ngx_media_module/answer/status_response.hpp"

#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/status_text.hpp"
#include "ngx_media_module/cache/vouching.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

std::optional<CacheFigures> cache_figures() {
  AnswerCache* cache = worker_cache();
  if (cache == nullptr) return std::nullopt;
  const SharedCache& shared = cache->shared();
  return CacheFigures{.invalidations = shared.invalidations(),
                      .flushes = shared.flushes(),
                      .repairs = shared.repairs(),
                      .is_vouched = is_vouched(shared, ngx_current_msec)};
}

}  // namespace

ngx_int_t status_handler(ngx_http_request_t* r) {
  if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD))) return NGX_HTTP_NOT_ALLOWED;
  const ngx_int_t discarded = ngx_http_discard_request_body(r);
  if (discarded != NGX_OK) return discarded;
  const bool is_json = location_conf(r).status == StatusFormat::json;
  const StatsTotal total = worker_stats().total();
  const auto cache = cache_figures();
  ngx_http_complex_value_t body{};
  body.value = copy(r->pool, is_json ? json_text(total, cache) : prometheus_text(total, cache));
  ngx_str_t type = borrow(is_json ? "application/json" : "text/plain; version=0.0.4");
  add_header(r, "Cache-Control", "no-store");
  return ngx_http_send_response(r, NGX_HTTP_OK, &type, &body);
}

}  // namespace media::nginx
