#include "ngx_media_module/worker.hpp"

#include <memory>

#include "ngx_media_module/cache/cache_zone.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/lookup/cache_listener.hpp"

namespace media::nginx {
namespace {

constexpr ngx_msec_t kUpkeepEvery = 1000;

/// Everything of one worker, in the order in which it is needed.
class Worker {
 public:
  Worker(MainConf& conf, ngx_log_t* log)
      : conf_(conf),
        log_(log),
        stats_(block_of(*conf.stats_zone), ngx_worker),
        upkeep_(
            Timer::Kind::cancelable, [](void* self) { static_cast<Worker*>(self)->keep_up(); },
            this, log) {
    if (conf.cache) {
      zone_.emplace(*conf.cache->zone);
      cache_.emplace(zone_->cache(), stats_);
    }
    if (conf.database) resolver_.emplace(conf, cache(), stats_, log);
    // One listener for all workers; a new worker takes the place of one that dies.
    if (ngx_worker == 0 && cache_ && conf.database && conf.database->listen) {
      listener_.emplace(*conf.database->listen, zone_->cache(), log);
    }
  }

  void start() {
    if (listener_) listener_->connect_after(1);
    if (resolver_) resolver_->start();
    upkeep_.start(kUpkeepEvery);
  }

  MainConf& conf() { return conf_; }
  Stats& stats() { return stats_; }
  DigestMemo& digests() { return digests_; }
  AnswerCache* cache() { return cache_ ? &*cache_ : nullptr; }
  Resolver* resolver() { return resolver_ ? &*resolver_ : nullptr; }

 private:
  void keep_up() {
    guard<int>(log_, 0, [this] {
      refresh_keys();
      if (resolver_ && !ngx_exiting) {
        stats_.publish(resolver_->engine().lookups_under_way(),
                       resolver_->engine().ready_connections());
      }
      return 0;
    });
    upkeep_.start(kUpkeepEvery);
  }

  void refresh_keys() {
    for (WatchedFile* file : conf_.watched_files) {
      const auto is_new = file->refresh();
      if (!is_new) {
        ngx_log_error(NGX_LOG_ERR, log_, 0, "media: keys stay as they were: %s",
                      is_new.error().message.c_str());
      } else if (*is_new) {
        stats_.add(Counter::key_reloads);
      }
    }
  }

  MainConf& conf_;
  ngx_log_t* log_;
  Stats stats_;
  DigestMemo digests_;
  std::optional<CacheZone> zone_;
  std::optional<AnswerCache> cache_;
  std::optional<Resolver> resolver_;
  std::optional<CacheListener> listener_;
  Timer upkeep_;
};

std::unique_ptr<Worker> worker;

void start_worker(ngx_cycle_t* cycle) {
  // The cache manager and loader are no workers.
  if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE) return;
  auto* conf =
      static_cast<MainConf*>(ngx_http_cycle_get_module_main_conf(cycle, ngx_http_media_module));
  if (conf == nullptr) return;
  worker = std::make_unique<Worker>(*conf, cycle->log);
  worker->start();
}

}  // namespace

ngx_int_t init_worker(ngx_cycle_t* cycle) noexcept {
  return guard<ngx_int_t>(cycle->log, NGX_ERROR, [cycle] {
    start_worker(cycle);
    return NGX_OK;
  });
}

void exit_worker(ngx_cycle_t*) noexcept { worker.reset(); }

Resolver* worker_resolver() { return worker ? worker->resolver() : nullptr; }
AnswerCache* worker_cache() { return worker->cache(); }
DigestMemo& worker_digests() { return worker->digests(); }

Stats& worker_stats() { return worker->stats(); }
const MainConf& worker_conf() { return worker->conf(); }

}  // namespace media::nginx
