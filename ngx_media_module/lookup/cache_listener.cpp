#include "ngx_media_module/lookup/cache_listener.hpp"

#include "core/encoding.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/lookup/statement.hpp"

namespace media::nginx {
namespace {

constexpr const char* kListen = "LISTEN media_changed; LISTEN media_session_changed";
constexpr ngx_msec_t kConnectTimeout = 5000;
constexpr ngx_msec_t kAskEvery = 250;
/// While another listener is to be relieved.
constexpr ngx_msec_t kAskEverySoon = 50;
constexpr ngx_msec_t kAnswerTimeout = 5000;
constexpr ngx_msec_t kStayAtMost = 500;

}  // namespace

CacheListener::CacheListener(const ConnectTarget& target, SharedCache& cache, ngx_log_t* log)
    : PgLink(target, kConnectTimeout, log),
      cache_(cache),
      vouching_(cache),
      log_(log),
      tick_(
          Timer::Kind::cancelable, [](void* self) { static_cast<CacheListener*>(self)->on_tick(); },
          this, log),
      last_ticks_(
          Timer::Kind::holds_worker,
          [](void* self) { static_cast<CacheListener*>(self)->on_tick(); }, this, log) {}

void CacheListener::start_session() {
  is_listening_ = false;
  if (PQsendQuery(pg(), kListen) != 1) return drop_with_libpq_error("LISTEN");
  is_asking_ = true;
  flush();
}

void CacheListener::on_input() {
  const bool is_answered = take_results();
  if (is_closed()) return;
  // What came before the answer must be applied before the answer counts.
  take_notifications();
  if (is_answered) on_answer();
}

/// True when the command under way has ended.
bool CacheListener::take_results() {
  while (is_asking_ && PQisBusy(pg()) == 0) {
    const PgResult result(PQgetResult(pg()));
    if (!result) {
      is_asking_ = false;
      return true;
    }
    if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
      drop("listening: " + first_line(PQresultErrorMessage(result.get())));
      return false;
    }
  }
  return false;
}

void CacheListener::take_notifications() {
  while (PGnotify* notification = PQnotifies(pg())) {
    invalidate(notification->extra);
    PQfreemem(notification);
  }
}

/// The payload is what answers are tagged with; "*" stands for everything.
void CacheListener::invalidate(std::string_view payload) {
  if (payload == "*") {
    cache_.flush();
  } else {
    cache_.invalidate(tag_of(payload));
  }
}

void CacheListener::on_answer() {
  if (is_listening_) {
    vouching_.on_heard(asked_at_, ngx_current_msec);
  } else {
    is_listening_ = true;
    failures_ = 0;
    set_ready();
    // The clock as it is now, not as it was when the event loop woke up.
    ngx_time_update();
    vouching_.on_listening(ngx_current_msec);
    ngx_log_error(NGX_LOG_NOTICE, log_, 0, "media: listening for changes");
  }
  schedule();
}

void CacheListener::schedule() {
  const bool is_soon = leaving_since_ || !vouching_.is_complete();
  (leaving_since_ ? last_ticks_ : tick_).start(is_soon ? kAskEverySoon : kAskEvery);
}

void CacheListener::on_tick() {
  guard<int>(log_, 0, [this] {
    if (!is_ready()) return 0;
    if (leaving_since_ && is_succeeded()) {
      disconnect();
    } else if (!is_asking_) {
      ask();
    } else if (ngx_current_msec - asked_at_ > kAnswerTimeout) {
      drop("the listener's connection does not answer");
    }
    return 0;
  });
}

void CacheListener::ask() {
  asked_at_ = ngx_current_msec;
  if (PQsendQuery(pg(), "") != 1) return drop_with_libpq_error("listening");
  is_asking_ = true;
  (leaving_since_ ? last_ticks_ : tick_).start(leaving_since_ ? kStayAtMost : kAnswerTimeout + 1);
  flush();
}

/// Another listener vouches, or there is none to wait for.
bool CacheListener::is_succeeded() const {
  return cache_.vouched_at() > asked_at_ || ngx_current_msec - *leaving_since_ >= kStayAtMost;
}

bool CacheListener::may_leave() {
  if (!is_ready() || !vouching_.is_complete()) return true;
  leaving_since_ = ngx_current_msec;
  tick_.stop();
  last_ticks_.start(1);
  return false;
}

void CacheListener::on_dropped(std::string_view reason) {
  is_asking_ = false;
  tick_.stop();
  last_ticks_.stop();
  if (ngx_exiting || leaving_since_) return;
  log_throttled(lost_log_, NGX_LOG_ERR, log_,
                "no longer listening for changes: " + std::string(reason));
  connect_after(
      reconnect_delay_milliseconds(failures_++, static_cast<std::uint32_t>(ngx_random())));
}

}  // namespace media::nginx
