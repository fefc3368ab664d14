#include "ngx_media_module/request_ctx.hpp"

#include <new>
#include <type_traits>

#include "ngx_media_module/await.hpp"

namespace media::nginx {
namespace {

void clean_up(void* data) {
  auto* ctx = static_cast<RequestCtx*>(data);
  stop_waiting(*ctx);
  ctx->request = nullptr;
}

RequestCtx* remember(ngx_http_request_t* r, RequestCtx* ctx) {
  ngx_http_set_ctx(r, ctx, ngx_http_media_module);
  return ctx;
}

}  // namespace

RequestCtx* find_ctx(ngx_http_request_t* r) {
  auto* known = static_cast<RequestCtx*>(ngx_http_get_module_ctx(r, ngx_http_media_module));
  if (known != nullptr || !(r->internal || r->filter_finalize)) return known;
  // Internal redirects clear the contexts of all modules. Subrequests share the
  // pool of their parent, so the owner has to be compared.
  for (auto* cleanup = r->pool->cleanup; cleanup != nullptr; cleanup = cleanup->next) {
    if (cleanup->handler != clean_up) continue;
    auto* ctx = static_cast<RequestCtx*>(cleanup->data);
    if (ctx->request == r) return remember(r, ctx);
  }
  return nullptr;
}

RequestCtx& require_ctx(ngx_http_request_t* r) {
  if (auto* ctx = find_ctx(r)) return *ctx;
  static_assert(std::is_trivially_destructible_v<RequestCtx>);
  ngx_pool_cleanup_t* cleanup = ngx_pool_cleanup_add(r->pool, sizeof(RequestCtx));
  if (cleanup == nullptr) throw std::bad_alloc();
  auto* ctx = new (cleanup->data) RequestCtx();
  ctx->request = r;
  cleanup->handler = clean_up;
  return *remember(r, ctx);
}

}  // namespace media::nginx
