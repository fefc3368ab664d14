#include "ngx_media_module/event.hpp"

#include <cstddef>

namespace media::nginx {

Timer::Timer(Kind kind, Handler handler, void* owner, ngx_log_t* log)
    : handler_(handler), owner_(owner) {
  static_assert(offsetof(Target, fd) == offsetof(ngx_connection_t, fd));
  target_.timer = this;
  target_.fd = static_cast<ngx_socket_t>(-1);
  event_.data = &target_;
  event_.log = log;
  event_.cancelable = kind == Kind::cancelable;
  event_.handler = [](ngx_event_t* event) {
    const Timer* timer = static_cast<Target*>(event->data)->timer;
    timer->handler_(timer->owner_);
  };
}

void Timer::start(ngx_msec_t delay) {
  // nginx keeps the old time of a timer that is to be moved by less than 300 ms.
  stop();
  ngx_add_timer(&event_, delay);
}

void Timer::stop() {
  if (event_.timer_set) ngx_del_timer(&event_);
}

PostedCall::PostedCall(Handler handler, void* owner, ngx_log_t* log)
    : handler_(handler), owner_(owner) {
  event_.data = this;
  event_.log = log;
  event_.handler = [](ngx_event_t* event) {
    const auto* call = static_cast<PostedCall*>(event->data);
    call->handler_(call->owner_);
  };
}

PostedCall::~PostedCall() {
  // A macro of several statements.
  if (event_.posted) {
    ngx_delete_posted_event(&event_);
  }
}

void PostedCall::post() { ngx_post_event(&event_, &ngx_posted_events); }

}  // namespace media::nginx
