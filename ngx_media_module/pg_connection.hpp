#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "ngx_media_module/conninfo.hpp"
#include "ngx_media_module/event.hpp"
#include "ngx_media_module/intrusive_list.hpp"
#include "ngx_media_module/pipeline_request.hpp"

namespace media::nginx {

/// The one prepared statement of a connection, with one parameter; parameter
/// and result are in binary format.
struct PgStatement {
  const char* sql;
  Oid parameter_type;
};

/// A libpq connection in pipeline mode, driven by nginx's event loop. It never
/// blocks, and tries again by itself only when told to.
class PgConnection {
 public:
  /// What hears of the connection. Called from the event loop; may not destroy
  /// the connection.
  class Owner {
   public:
    /// Connected, statement prepared: send() may be called.
    virtual void on_ready(PgConnection& connection) = 0;
    /// The result of the oldest unanswered request.
    virtual void on_answer(PgConnection& connection, PipelineRequest& request,
                           const PGresult& result) = 0;
    /// The connection ended before this request was answered.
    virtual void on_unanswered(PipelineRequest& request) = 0;
    /// The connection ended, or could not be made; follows on_unanswered().
    virtual void on_lost(PgConnection& connection, std::string_view reason) = 0;

   protected:
    ~Owner() = default;
  };

  PgConnection(const ConnectTarget& target, const PgStatement& statement,
               ngx_msec_t connect_timeout, Owner& owner, ngx_log_t* log);
  ~PgConnection() { disconnect(); }
  PgConnection(const PgConnection&) = delete;
  PgConnection& operator=(const PgConnection&) = delete;

  /// Only while closed.
  void connect();
  void connect_after(ngx_msec_t delay);

  bool is_ready() const { return state_ == State::ready; }
  /// Closed, and without a plan to connect.
  bool is_dormant() const { return state_ == State::closed && !timer_.is_running(); }
  std::size_t unanswered() const { return requests_.size(); }

  /// Queues the statement; goes out with the next finish_batch(). False when
  /// the connection is lost.
  bool send(PipelineRequest& request, std::span<const std::uint8_t> parameter);
  /// Ends a batch: an error in it aborts only what comes after it in the batch.
  void finish_batch();

  /// Closes at once; what is unanswered goes back to the owner.
  void drop(std::string_view reason);
  /// Closes quietly; for a connection without unanswered requests.
  void disconnect();

 private:
  enum class State { closed, connecting, preparing, ready };

  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };

  static void on_event(ngx_event_t* event);
  static void on_timer(void* self);

  bool watch();
  bool watch_for(ngx_event_t* event, ngx_int_t kind);
  void unwatch();
  void handle_event();
  void handle_shutdown();
  void poll_connect();
  void start_session();
  void flush();
  void read();
  void take_results();
  bool take_result(const PGresult& result);
  void take_prepare_result(const PGresult& result);
  void take_sync();
  void drop_with_libpq_error(std::string_view doing);

  ConnectTarget target_;
  PgStatement statement_;
  ngx_msec_t connect_timeout_;
  Owner& owner_;
  ngx_log_t* log_;
  State state_ = State::closed;
  std::unique_ptr<PGconn, Finish> pg_;
  ngx_connection_t* watcher_ = nullptr;
  Timer timer_;  // connecting: gives up; closed: connects
  IntrusiveList<PipelineRequest, PipelineRequest> requests_;
  std::size_t syncs_due_ = 0;
};

}  // namespace media::nginx
