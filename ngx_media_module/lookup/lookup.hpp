#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/log_throttle.hpp"
#include "ngx_media_module/lookup/lookup_queue.hpp"
#include "ngx_media_module/lookup/pg_connection.hpp"

namespace media::nginx {

struct LookupResult {
  enum class Kind {
    found,
    absent,
    unavailable,  ///< the database did not answer in time, or at all
  };
  Kind kind;
  const Row* row = nullptr;  ///< when found; valid during the call only
};

/// Asks the database through a few connections. One for each worker. Lookups of
/// one turn of the event loop, and those that come while the connections are busy,
/// leave in a batch, as one statement where there is one for many; every lookup is
/// answered within the timeout; one whose connection breaks is asked again.
class LookupEngine final : private PgConnection::Owner {
 public:
  class Client {
   public:
    /// Called once for each lookup, from the event loop. Takes all waiters off it.
    virtual void on_result(Lookup& lookup, const LookupResult& result) = 0;

   protected:
    ~Client() = default;
  };

  LookupEngine(const DatabaseConf& conf, std::span<Statement* const> statements, Client& client,
               ngx_log_t* log);
  ~LookupEngine();
  LookupEngine(const LookupEngine&) = delete;
  LookupEngine& operator=(const LookupEngine&) = delete;

  /// Connects after a short random while.
  void start();

  /// The lookup under way for this key, or null.
  Lookup* find(const CacheKey& key) const { return queue_.find(key); }
  /// Null when there is no use in waiting: the queue is full, or the database
  /// has been away for longer than the timeout.
  Lookup* ask(const Question& question, const CacheTicket& ticket);
  /// The waiter, which waits, leaves. What nobody waits for is not sent any more.
  void leave(LookupWaiter& waiter);

  /// Somebody has just heard from the database: whoever waits to connect does it now.
  void hurry();

  std::size_t lookups_under_way() const { return queue_.size(); }
  std::size_t ready_connections() const;

 private:
  void on_ready(PgConnection& connection) override;
  void on_unprepared(const Statement& statement, const PGresult& error) override;
  void on_answer(PgConnection& connection, PipelineRequest& request,
                 const PGresult& result) override;
  void on_unanswered(PipelineRequest& request) override;
  void on_lost(PgConnection& connection, std::string_view reason) override;

  bool is_down() const;
  PgConnection* least_busy();
  void wake_connections();
  void dispatch();
  PgConnection* next_connection();
  void send_batch(PgConnection& connection);
  void gather_batch(PgConnection& connection);
  Lookup* leader_for(const Lookup& lookup, const PgConnection& connection);
  void send(PgConnection& connection, Lookup& leader);
  void refuse_unprepared(PgConnection& connection, Lookup& lookup);
  void expire();
  void rearm_deadline();
  void answer_with_row(Lookup& lookup, const PGresult& result);
  void answer_followed(PgConnection& connection, Lookup& leader, const PGresult& result);
  void answer_with_rows(Lookup& leader, const PGresult& result);
  void answer_with_error(PgConnection& connection, Lookup& lookup, const PGresult& result);
  void retry_or_give_up(Lookup& lookup);
  void finish(Lookup& lookup, const LookupResult& result);
  void leave_database();

  DatabaseConf conf_;
  Client& client_;
  ngx_log_t* log_;
  LookupQueue queue_;
  std::vector<std::unique_ptr<PgConnection>> connections_;
  std::vector<Lookup*> leaders_;  ///< of the batch that is being sent: one for each statement
  Timer deadline_timer_;
  PostedCall dispatch_call_;
  unsigned failures_ = 0;
  std::optional<ngx_msec_t> down_since_;
  LogThrottle lost_log_;
  LogThrottle answer_log_;
  LogThrottle prepare_log_;
};

}  // namespace media::nginx
