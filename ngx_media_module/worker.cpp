#include "ngx_media_module/worker.hpp"

#include <memory>

#include "ngx_media_module/guard.hpp"

namespace media::nginx {
namespace {

std::unique_ptr<LookupEngine> engine;

void start_engine(ngx_cycle_t* cycle) {
  // The cache manager and loader are no workers.
  if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return;
  const auto* conf =
      static_cast<MainConf*>(ngx_http_cycle_get_module_main_conf(cycle, ngx_http_media_module));
  if (conf == nullptr || !conf->database) return;
  engine = std::make_unique<LookupEngine>(*conf->database, cycle->log);
  engine->start();
}

}  // namespace

ngx_int_t init_worker(ngx_cycle_t* cycle) noexcept {
  return guard<ngx_int_t>(cycle->log, NGX_ERROR, [cycle] {
    start_engine(cycle);
    return NGX_OK;
  });
}

void exit_worker(ngx_cycle_t*) noexcept { engine.reset(); }

LookupEngine* lookup_engine() { return engine.get(); }

}  // namespace media::nginx
