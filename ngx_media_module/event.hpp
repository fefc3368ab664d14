#pragma once

#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// A timer of the worker's event loop.
class Timer {
 public:
  using Handler = void (*)(void* owner);
  /// Whether the timer keeps a worker that shuts down from exiting.
  enum class Kind { holds_worker, cancelable };

  Timer(Kind kind, Handler handler, void* owner, ngx_log_t* log);
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void start(ngx_msec_t delay);
  void stop();
  bool is_running() const { return event_.timer_set != 0; }

 private:
  // nginx's debug log reads the `fd` of an ngx_connection_t behind an event.
  struct Target {
    Timer* timer;
    void* unused[2];
    ngx_socket_t fd;
  };

  ngx_event_t event_{};
  Target target_{};
  Handler handler_;
  void* owner_;
};

/// Runs a handler once at the end of the current turn of the event loop.
class PostedCall {
 public:
  using Handler = void (*)(void* owner);

  PostedCall(Handler handler, void* owner, ngx_log_t* log);
  ~PostedCall();
  PostedCall(const PostedCall&) = delete;
  PostedCall& operator=(const PostedCall&) = delete;

  void post();

 private:
  ngx_event_t event_{};
  Handler handler_;
  void* owner_;
};

}  // namespace media::nginx
