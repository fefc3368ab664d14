#include "ngx_media_module/lookup.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

constexpr Oid kUuidType = 2950;
constexpr ngx_msec_t kConnectTimeout = 5000;
constexpr ngx_msec_t kStartJitter = 50;
/// Lookups sent together to one backend: enough to share system calls, few
/// enough to keep several backends busy.
constexpr int kBatchSize = 16;

std::string_view sqlstate_of(const PGresult& result) {
  const char* code = PQresultErrorField(&result, PG_DIAG_SQLSTATE);
  return code == nullptr ? "" : code;
}

/// Errors that another session would not have: the prepared statement does not
/// fit any more, or the server is ending the session.
bool is_session_error(std::string_view sqlstate) {
  return sqlstate == "0A000" || sqlstate == "26000" || sqlstate.starts_with("57P") ||
         sqlstate.starts_with("08");
}

std::array<Column, kRecordColumns> columns_of(const PGresult& result) {
  std::array<Column, kRecordColumns> columns;
  for (int i = 0; i < static_cast<int>(kRecordColumns); ++i) {
    auto& column = columns.at(static_cast<std::size_t>(i));
    column.is_null = PQgetisnull(&result, 0, i) != 0;
    column.bytes = {PQgetvalue(&result, 0, i),
                    static_cast<std::size_t>(PQgetlength(&result, 0, i))};
  }
  return columns;
}

}  // namespace

LookupEngine::LookupEngine(const DatabaseConf& conf, ngx_log_t* log)
    : conf_(conf),
      log_(log),
      queue_(conf.queue),
      deadline_timer_(
          Timer::Kind::holds_worker, [](void* self) { static_cast<LookupEngine*>(self)->expire(); },
          this, log),
      dispatch_call_([](void* self) { static_cast<LookupEngine*>(self)->dispatch(); }, this, log) {
  const PgStatement statement{.sql = kLookupQuery, .parameter_type = kUuidType};
  for (std::size_t i = 0; i < conf.connections; ++i) {
    connections_.emplace_back(new PgConnection(
        conf.target, statement, std::max(conf.timeout, kConnectTimeout), *this, log));
  }
}

LookupEngine::~LookupEngine() {
  connections_.clear();
  // Requests outlive the engine when a worker is told to quit at once.
  while (!queue_.empty()) {
    Lookup& lookup = queue_.earliest();
    if (lookup.waiter != nullptr) lookup.waiter->lookup = nullptr;
    queue_.release(lookup);
  }
}

void LookupEngine::start() {
  for (auto& connection : connections_) {
    connection->connect_after(static_cast<ngx_msec_t>(ngx_random()) % kStartJitter);
  }
}

bool LookupEngine::lookup(const Uuid& id, LookupWaiter& waiter) {
  if (is_down()) return false;
  Lookup* lookup = queue_.add(id, &waiter, ngx_current_msec + conf_.timeout);
  if (lookup == nullptr) {
    log_throttled(answer_log_, NGX_LOG_ERR, log_, "the lookup queue is full");
    return false;
  }
  waiter.lookup = lookup;
  rearm_deadline();
  dispatch_call_.post();
  return true;
}

void LookupEngine::cancel(LookupWaiter& waiter) {
  Lookup& lookup = *std::exchange(waiter.lookup, nullptr);
  lookup.waiter = nullptr;
  if (lookup.stage != Lookup::Stage::pending) return;
  queue_.release(lookup);
  rearm_deadline();
}

bool LookupEngine::is_down() const {
  return down_since_ && ngx_current_msec - *down_since_ >= conf_.timeout;
}

PgConnection* LookupEngine::least_busy() {
  PgConnection* best = nullptr;
  for (auto& connection : connections_) {
    if (!connection->is_ready()) continue;
    if (best == nullptr || connection->unanswered() < best->unanswered()) best = connection.get();
  }
  return best;
}

void LookupEngine::wake_connections() {
  for (auto& connection : connections_) {
    if (connection->is_dormant()) connection->connect();
  }
}

void LookupEngine::dispatch() {
  guard<int>(log_, 0, [this] {
    while (queue_.has_pending()) {
      PgConnection* connection = least_busy();
      if (connection == nullptr) {
        wake_connections();
        break;
      }
      send_batch(*connection);
    }
    return 0;
  });
}

/// False when the connection broke.
bool LookupEngine::send_batch(PgConnection& connection) {
  for (int sent = 0; sent < kBatchSize && queue_.has_pending(); ++sent) {
    Lookup& lookup = queue_.take_pending();
    lookup.connection = &connection;
    const bool is_retry = lookup.retries > 0;
    if (!connection.send(lookup, lookup.id.bytes)) return false;
    // Alone in its batch, a retry can't suffer from another lookup's error again.
    if (is_retry) break;
  }
  connection.finish_batch();
  return connection.is_ready();
}

/// Timer: answers what has waited for too long. A connection on which it was
/// sent is given up, since answers come in order.
void LookupEngine::expire() {
  guard<int>(log_, 0, [this] {
    while (!queue_.empty() && queue_.earliest().deadline <= ngx_current_msec) {
      Lookup& lookup = queue_.earliest();
      if (lookup.stage == Lookup::Stage::sent) {
        static_cast<PgConnection*>(lookup.connection)->drop("a lookup timed out");
      } else {
        finish(lookup, {LookupAnswer::Kind::unavailable});
      }
    }
    rearm_deadline();
    return 0;
  });
}

void LookupEngine::rearm_deadline() {
  if (queue_.empty()) return deadline_timer_.stop();
  if (deadline_timer_.is_running()) return;
  const auto deadline = queue_.earliest().deadline;
  deadline_timer_.start(deadline > ngx_current_msec ? deadline - ngx_current_msec : 1);
}

void LookupEngine::on_ready(PgConnection&) {
  if (down_since_) {
    ngx_log_error(NGX_LOG_NOTICE, log_, 0, "media: database is back: %s",
                  conf_.target.describe().c_str());
  }
  failures_ = 0;
  down_since_.reset();
  dispatch_call_.post();
}

void LookupEngine::on_answer(PgConnection& connection, PipelineRequest& request,
                             const PGresult& result) {
  auto& lookup = static_cast<Lookup&>(request);
  if (PQresultStatus(&result) == PGRES_TUPLES_OK) {
    answer_with_row(lookup, result);
  } else {
    answer_with_error(connection, lookup, result);
  }
}

void LookupEngine::answer_with_row(Lookup& lookup, const PGresult& result) {
  if (PQntuples(&result) == 0) return finish(lookup, {LookupAnswer::Kind::absent});
  const auto record = parse_record(columns_of(result));
  if (record) return finish(lookup, {LookupAnswer::Kind::found, &*record});
  log_throttled(answer_log_, NGX_LOG_ERR, log_,
                record.error().message + " for " + lookup.id.to_string());
  finish(lookup, {LookupAnswer::Kind::broken});
}

void LookupEngine::answer_with_error(PgConnection& connection, Lookup& lookup,
                                     const PGresult& result) {
  // An earlier lookup of the batch failed; this one was not tried.
  if (PQresultStatus(&result) == PGRES_PIPELINE_ABORTED) return retry_or_give_up(lookup);
  const auto sqlstate = sqlstate_of(result);
  const char* message = PQresultErrorField(&result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string text = "lookup failed: " + std::string(message == nullptr ? "" : message) +
                           " (SQLSTATE " + std::string(sqlstate) + ")";
  if (is_session_error(sqlstate)) {
    retry_or_give_up(lookup);
    return connection.drop(text);
  }
  log_throttled(answer_log_, NGX_LOG_ERR, log_, text);
  finish(lookup, {LookupAnswer::Kind::unavailable});
}

void LookupEngine::on_unanswered(PipelineRequest& request) {
  retry_or_give_up(static_cast<Lookup&>(request));
}

void LookupEngine::retry_or_give_up(Lookup& lookup) {
  if (lookup.deadline > ngx_current_msec && queue_.retry(lookup)) {
    dispatch_call_.post();
  } else {
    finish(lookup, {LookupAnswer::Kind::unavailable});
  }
}

void LookupEngine::on_lost(PgConnection& connection, std::string_view reason) {
  log_throttled(lost_log_, NGX_LOG_ERR, log_,
                "database " + conf_.target.describe() + ": " + std::string(reason));
  if (!down_since_ && least_busy() == nullptr) down_since_ = ngx_current_msec;
  if (ngx_exiting && queue_.empty()) return;
  connection.connect_after(
      reconnect_delay_milliseconds(failures_++, static_cast<std::uint32_t>(ngx_random())));
}

void LookupEngine::finish(Lookup& lookup, const LookupAnswer& answer) {
  LookupWaiter* waiter = lookup.waiter;
  queue_.release(lookup);
  rearm_deadline();
  if (waiter != nullptr) {
    waiter->lookup = nullptr;
    waiter->on_answer(*waiter, answer);
  }
  if (ngx_exiting && queue_.empty()) leave();
}

/// The worker shuts down, and nothing waits: the database need not wait either.
void LookupEngine::leave() {
  for (auto& connection : connections_) connection->disconnect();
}

void cancel_lookup(LookupWaiter& waiter) {
  if (waiter.lookup != nullptr) lookup_engine()->cancel(waiter);
}

}  // namespace media::nginx
