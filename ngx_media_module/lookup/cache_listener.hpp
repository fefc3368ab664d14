#pragma once

#include "ngx_media_module/cache/vouching.hpp"
#include "ngx_media_module/log_throttle.hpp"
#include "ngx_media_module/lookup/pg_link.hpp"

namespace media::nginx {

/// Hears from the database what has changed and invalidates it in the shared
/// cache; one for all workers. Asks the server for a sign of life four times a
/// second, so that silence is not taken for peace. When its worker is told to
/// quit, it stays until the listener of the next generation has taken over, or
/// half a second.
class CacheListener final : public PgLink {
 public:
  CacheListener(const ConnectTarget& target, SharedCache& cache, ngx_log_t* log);

 private:
  void start_session() override;
  void on_input() override;
  void on_dropped(std::string_view reason) override;
  bool may_leave() override;

  bool take_results();
  void take_notifications();
  void invalidate(std::string_view payload);
  void on_answer();
  void ask();
  void on_tick();
  void schedule();
  bool is_succeeded() const;

  SharedCache& cache_;
  Vouching vouching_;
  ngx_log_t* log_;
  Timer tick_;
  Timer last_ticks_;  // the same, for a worker that shuts down
  ngx_msec_t asked_at_ = 0;
  bool is_asking_ = false;
  bool is_listening_ = false;
  std::optional<ngx_msec_t> leaving_since_;
  unsigned failures_ = 0;
  LogThrottle lost_log_;
};

}  // namespace media::nginx
