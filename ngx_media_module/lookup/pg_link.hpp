#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

#include "ngx_media_module/event.hpp"
#include "ngx_media_module/lookup/conninfo.hpp"

namespace media::nginx {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PgResult = std::unique_ptr<PGresult, ClearResult>;

std::string first_line(const char* message);

/// A libpq connection driven by nginx's event loop: connecting, watching the
/// socket, sending, reading, closing. It never blocks, and tries again by itself
/// only when told to. What is said on it is a derived class's matter.
class PgLink {
 public:
  PgLink(const PgLink&) = delete;
  PgLink& operator=(const PgLink&) = delete;

  /// Only while closed.
  void connect();
  void connect_after(ngx_msec_t delay);
  /// Unless it is connected, or connecting, already.
  void connect_now();

  /// The session is set up.
  bool is_ready() const { return state_ == State::ready; }
  /// Closed, and without a plan to connect.
  bool is_dormant() const { return state_ == State::closed && !timer_.is_running(); }

  /// Closes at once, and tells the derived class.
  void drop(std::string_view reason);
  /// Closes quietly.
  void disconnect();

 protected:
  PgLink(const ConnectTarget& target, ngx_msec_t connect_timeout, ngx_log_t* log);
  ~PgLink() { disconnect(); }

  PGconn* pg() { return pg_.get(); }
  bool is_closed() const { return state_ == State::closed; }
  void set_ready();
  /// Sends what libpq has buffered, now or when the socket takes it.
  void flush();
  void drop_with_libpq_error(std::string_view doing);

 private:
  enum class State { closed, connecting, starting, ready };

  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  /// Connected and non-blocking: sets the session up and calls set_ready() in the end.
  virtual void start_session() = 0;
  /// More has been read from the socket.
  virtual void on_input() = 0;
  /// The connection ended, or could not be made.
  virtual void on_dropped(std::string_view reason) = 0;
  /// The worker shuts down. True: nothing is going on here, and the connection may close.
  virtual bool may_leave() = 0;

  static void on_event(ngx_event_t* event);
  static void on_timer(void* self);

  bool watch();
  bool watch_for(ngx_event_t* event, ngx_int_t kind);
  void unwatch();
  void handle_event();
  void handle_shutdown();
  void poll_connect();
  void read();

  ConnectTarget target_;
  ngx_msec_t connect_timeout_;
  ngx_log_t* log_;
  State state_ = State::closed;
  std::unique_ptr<PGconn, Finish> pg_;
  ngx_connection_t* watcher_ = nullptr;
  Timer timer_;  // connecting: gives up; closed: connects
};

}  // namespace media::nginx
