#include "ngx_media_module/lookup/pg_link.hpp"

#include "ngx_media_module/guard.hpp"

namespace media::nginx {
namespace {

void log_notice(void* log, const char* message) {
  guard<int>(static_cast<ngx_log_t*>(log), 0, [&] {
    ngx_log_error(NGX_LOG_INFO, static_cast<ngx_log_t*>(log), 0, "media: database says: %s",
                  first_line(message).c_str());
    return 0;
  });
}

}  // namespace

std::string first_line(const char* message) {
  const std::string_view text(message);
  return std::string(text.substr(0, text.find('\n')));
}

PgLink::PgLink(const ConnectTarget& target, ngx_msec_t connect_timeout, ngx_log_t* log)
    : target_(target),
      connect_timeout_(connect_timeout),
      log_(log),
      timer_(Timer::Kind::cancelable, on_timer, this, log) {}

void PgLink::on_event(ngx_event_t* event) {
  auto* watcher = static_cast<ngx_connection_t*>(event->data);
  guard<int>(event->log, 0, [watcher] {
    static_cast<PgLink*>(watcher->data)->handle_event();
    return 0;
  });
}

void PgLink::on_timer(void* self) {
  auto& connection = *static_cast<PgLink*>(self);
  guard<int>(connection.log_, 0, [&connection] {
    if (connection.state_ == State::closed) {
      connection.connect();
    } else {
      connection.drop("connecting timed out");
    }
    return 0;
  });
}

void PgLink::connect_after(ngx_msec_t delay) { timer_.start(delay); }

void PgLink::connect_now() {
  if (is_closed()) connect();
}

void PgLink::connect() {
  timer_.stop();
  state_ = State::connecting;
  pg_.reset(PQconnectStartParams(target_.keywords().data(), target_.values().data(), 0));
  if (!pg_ || PQstatus(pg_.get()) == CONNECTION_BAD) return drop_with_libpq_error("connecting");
  PQsetNoticeProcessor(pg_.get(), log_notice, log_);
  timer_.start(connect_timeout_);
  if (!watch() || !watch_for(watcher_->write, NGX_WRITE_EVENT)) drop("can't watch the socket");
}

/// Takes one of nginx's connection slots for libpq's socket.
bool PgLink::watch() {
  ngx_connection_t* watcher = ngx_get_connection(PQsocket(pg_.get()), log_);
  if (watcher == nullptr) return false;
  watcher->data = this;
  watcher->read->handler = on_event;
  watcher->write->handler = on_event;
  watcher->read->log = log_;
  watcher->write->log = log_;
  watcher->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
  // A worker that shuts down then tells us, see handle_shutdown().
  watcher->idle = 1;
  watcher_ = watcher;
  return true;
}

/// Level-triggered: PQconsumeInput() does not always read all there is.
bool PgLink::watch_for(ngx_event_t* event, ngx_int_t kind) {
  if (event->active) return true;
  return ngx_add_event(event, kind, NGX_LEVEL_EVENT) == NGX_OK;
}

/// The socket is libpq's: this does not close it. After an error libpq may have
/// done so itself, and the kernel has forgotten the events then.
void PgLink::unwatch() {
  if (watcher_ == nullptr) return;
  ngx_connection_t* watcher = std::exchange(watcher_, nullptr);
  const ngx_uint_t flags = PQsocket(pg_.get()) == watcher->fd ? 0 : NGX_CLOSE_EVENT;
  for (auto [event, kind] : {std::pair<ngx_event_t*, ngx_int_t>{watcher->read, NGX_READ_EVENT},
                             {watcher->write, NGX_WRITE_EVENT}}) {
    // A macro of several statements.
    if (event->posted) {
      ngx_delete_posted_event(event);
    }
    if (event->active) ngx_del_event(event, kind, flags);
    event->closed = 1;
  }
  ngx_free_connection(watcher);
  watcher->fd = static_cast<ngx_socket_t>(-1);
}

void PgLink::handle_event() {
  if (watcher_->close || watcher_->error) return handle_shutdown();
  if (state_ == State::connecting) return poll_connect();
  if (watcher_->write->active) flush();
  if (state_ != State::closed) read();
}

/// The worker is shutting down (`close`), or its time to do so is over (`error`).
void PgLink::handle_shutdown() {
  if (watcher_->error) return drop("the worker is shut down");
  watcher_->close = 0;
  if (may_leave()) disconnect();
}

void PgLink::poll_connect() {
  // PQconnectPoll() may replace the socket, even by one of the same number.
  unwatch();
  const auto status = PQconnectPoll(pg_.get());
  if (status == PGRES_POLLING_FAILED) return drop_with_libpq_error("connecting");
  if (!watch()) return drop("can't watch the socket");
  const bool wants_write = status == PGRES_POLLING_WRITING;
  const bool is_watched = wants_write ? watch_for(watcher_->write, NGX_WRITE_EVENT)
                                      : watch_for(watcher_->read, NGX_READ_EVENT);
  if (!is_watched) return drop("can't watch the socket");
  if (status != PGRES_POLLING_OK) return;
  state_ = State::starting;
  if (PQsetnonblocking(pg_.get(), 1) != 0) return drop_with_libpq_error("connecting");
  start_session();
}

void PgLink::flush() {
  const int left = PQflush(pg_.get());
  if (left < 0) return drop_with_libpq_error("sending");
  ngx_event_t* write = watcher_->write;
  if (left == 0) {
    if (write->active) ngx_del_event(write, NGX_WRITE_EVENT, 0);
  } else if (!watch_for(write, NGX_WRITE_EVENT)) {
    drop("can't watch the socket");
  }
}

void PgLink::read() {
  if (PQconsumeInput(pg_.get()) != 1) return drop_with_libpq_error("reading");
  on_input();
}

void PgLink::set_ready() {
  timer_.stop();
  state_ = State::ready;
}

void PgLink::drop_with_libpq_error(std::string_view doing) {
  const char* message = pg_ ? PQerrorMessage(pg_.get()) : "out of memory";
  drop(std::string(doing) + ": " + first_line(message));
}

void PgLink::drop(std::string_view reason) {
  const std::string kept(reason);
  disconnect();
  on_dropped(kept);
}

void PgLink::disconnect() {
  timer_.stop();
  unwatch();
  pg_.reset();
  state_ = State::closed;
}

}  // namespace media::nginx
