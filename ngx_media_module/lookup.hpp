#pragma once

#include <memory>
#include <vector>

#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/log_throttle.hpp"
#include "ngx_media_module/lookup_queue.hpp"
#include "ngx_media_module/pg_connection.hpp"
#include "ngx_media_module/record.hpp"

namespace media::nginx {

struct LookupAnswer {
  enum class Kind {
    found,
    absent,
    unavailable,  ///< the database did not answer in time, or at all
    broken,       ///< it answered what can't be
  };
  Kind kind;
  const MediaRecord* record = nullptr;  ///< when found; valid during the call only
};

/// Waits for the answer to one lookup.
struct LookupWaiter {
  /// Called once, from the event loop, unless cancelled before.
  void (*on_answer)(LookupWaiter& waiter, const LookupAnswer& answer) = nullptr;
  Lookup* lookup = nullptr;
};

/// Resolves media ids through a few connections to the database. One for each
/// worker. Lookups of one turn of the event loop leave in batches; every lookup
/// is answered within the timeout; one whose connection breaks is asked again. A waiter may leave
/// at any time.
class LookupEngine final : private PgConnection::Owner {
 public:
  LookupEngine(const DatabaseConf& conf, ngx_log_t* log);
  ~LookupEngine();
  LookupEngine(const LookupEngine&) = delete;
  LookupEngine& operator=(const LookupEngine&) = delete;

  /// Connects after a short random while.
  void start();

  /// False when there is no use in waiting: the queue is full, or the database
  /// has been away for longer than the timeout.
  [[nodiscard]] bool lookup(const Uuid& id, LookupWaiter& waiter);
  void cancel(LookupWaiter& waiter);

 private:
  void on_ready(PgConnection& connection) override;
  void on_answer(PgConnection& connection, PipelineRequest& request,
                 const PGresult& result) override;
  void on_unanswered(PipelineRequest& request) override;
  void on_lost(PgConnection& connection, std::string_view reason) override;

  bool is_down() const;
  PgConnection* least_busy();
  void wake_connections();
  void dispatch();
  bool send_batch(PgConnection& connection);
  void expire();
  void rearm_deadline();
  void answer_with_row(Lookup& lookup, const PGresult& result);
  void answer_with_error(PgConnection& connection, Lookup& lookup, const PGresult& result);
  void retry_or_give_up(Lookup& lookup);
  void finish(Lookup& lookup, const LookupAnswer& answer);
  void leave();

  DatabaseConf conf_;
  ngx_log_t* log_;
  LookupQueue queue_;
  std::vector<std::unique_ptr<PgConnection>> connections_;
  Timer deadline_timer_;
  PostedCall dispatch_call_;
  unsigned failures_ = 0;
  std::optional<ngx_msec_t> down_since_;
  LogThrottle lost_log_;
  LogThrottle answer_log_;
};

/// Makes a waiter that waits leave; does nothing otherwise.
void cancel_lookup(LookupWaiter& waiter);

}  // namespace media::nginx
