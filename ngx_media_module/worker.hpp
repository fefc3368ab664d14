#pragma once

#include "ngx_media_module/cache/answer_cache.hpp"
#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/identity/digest_memo.hpp"
#include "ngx_media_module/lookup/resolver.hpp"

// What lives as long as a worker process.
namespace media::nginx {

ngx_int_t init_worker(ngx_cycle_t* cycle) noexcept;
void exit_worker(ngx_cycle_t* cycle) noexcept;

/// Null without `media_database`.
Resolver* worker_resolver();
/// Null without `media_cache`.
AnswerCache* worker_cache();
DigestMemo& worker_digests();
Stats& worker_stats();
const MainConf& worker_conf();

}  // namespace media::nginx
