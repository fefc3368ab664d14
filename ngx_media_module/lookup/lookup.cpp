#include "ngx_media_module/lookup/lookup.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/log.hpp"

namespace media::nginx {
namespace {

constexpr ngx_msec_t kConnectTimeout = 5000;
constexpr ngx_msec_t kStartJitter = 50;
/// Lookups sent together to one backend: enough to share system calls, few
/// enough to keep several backends busy.
constexpr int kBatchSize = 16;
/// How long a connection is kept that could not prepare every statement.
constexpr ngx_msec_t kPrepareAgainAfter = 5000;
constexpr std::size_t kMaxColumns = 32;

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

/// Errors that the parameters caused: they match nothing.
bool is_data_error(std::string_view sqlstate) { return sqlstate.starts_with("22"); }

std::string describe(const PGresult& error) {
  const char* message = PQresultErrorField(&error, PG_DIAG_MESSAGE_PRIMARY);
  return std::string(message == nullptr ? "" : message) + " (SQLSTATE " +
         std::string(sqlstate_of(error)) + ")";
}

using Columns = std::array<Column, kMaxColumns>;

Row row_of(const PGresult& result, Columns& columns) {
  const auto count = std::min(static_cast<std::size_t>(PQnfields(&result)), kMaxColumns);
  for (std::size_t i = 0; i < count; ++i) {
    const int field = static_cast<int>(i);
    columns[i] = {.name = PQfname(&result, field),
                  .type = PQftype(&result, field),
                  .bytes = {PQgetvalue(&result, 0, field),
                            static_cast<std::size_t>(PQgetlength(&result, 0, field))},
                  .is_null = PQgetisnull(&result, 0, field) != 0};
  }
  return Row(std::span(columns).first(count));
}

}  // namespace

LookupEngine::LookupEngine(const DatabaseConf& conf, std::span<Statement* const> statements,
                           Client& client, ngx_log_t* log)
    : conf_(conf),
      client_(client),
      log_(log),
      queue_(conf.queue),
      deadline_timer_(
          Timer::Kind::holds_worker, [](void* self) { static_cast<LookupEngine*>(self)->expire(); },
          this, log),
      dispatch_call_([](void* self) { static_cast<LookupEngine*>(self)->dispatch(); }, this, log) {
  for (std::size_t i = 0; i < conf.connections; ++i) {
    connections_.emplace_back(
        new PgConnection(conf, statements, std::max(conf.timeout, kConnectTimeout), *this, log));
  }
}

LookupEngine::~LookupEngine() {
  connections_.clear();
  // Requests outlive the engine when a worker is told to quit at once.
  while (!queue_.empty()) {
    Lookup& lookup = queue_.earliest();
    while (!lookup.waiters.empty()) lookup.leave(lookup.waiters.front());
    queue_.release(lookup);
  }
}

void LookupEngine::start() {
  for (auto& connection : connections_) {
    connection->connect_after(static_cast<ngx_msec_t>(ngx_random()) % kStartJitter);
  }
}

Lookup* LookupEngine::ask(const Question& question, const CacheTicket& ticket) {
  if (is_down()) return nullptr;
  Lookup* lookup = queue_.add(question, ticket, ngx_current_msec, ngx_current_msec + conf_.timeout);
  if (lookup == nullptr) {
    log_throttled(answer_log_, NGX_LOG_ERR, log_, "the lookup queue is full");
    return nullptr;
  }
  rearm_deadline();
  dispatch_call_.post();
  return lookup;
}

void LookupEngine::leave(LookupWaiter& waiter) {
  Lookup& lookup = *waiter.lookup;
  lookup.leave(waiter);
  if (lookup.stage != Lookup::Stage::pending || !lookup.waiters.empty()) return;
  queue_.release(lookup);
  rearm_deadline();
}

std::size_t LookupEngine::ready_connections() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(connections_, [](const auto& each) { return each->is_ready(); }));
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
    if (!connection.is_prepared(*lookup.question.statement)) {
      refuse_unprepared(connection, lookup);
      if (!connection.is_ready()) return false;
      continue;
    }
    lookup.connection = &connection;
    const bool is_retry = lookup.retries > 0;
    if (!connection.send(lookup, lookup.question)) return false;
    // Alone in its batch, a retry can't suffer from another lookup's error again.
    if (is_retry) break;
  }
  connection.finish_batch();
  return connection.is_ready();
}

/// What was wrong with the statement may have been put right by now, so a
/// connection without it does not live long.
void LookupEngine::refuse_unprepared(PgConnection& connection, Lookup& lookup) {
  finish(lookup, {LookupResult::Kind::unavailable});
  if (connection.is_ready() && ngx_current_msec - connection.prepared_at() > kPrepareAgainAfter) {
    connection.drop("a statement is not prepared");
  }
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
        finish(lookup, {LookupResult::Kind::unavailable});
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
  if (PQntuples(&result) == 0) return finish(lookup, {LookupResult::Kind::absent});
  Columns columns;
  const Row row = row_of(result, columns);
  finish(lookup, {LookupResult::Kind::found, &row});
}

void LookupEngine::answer_with_error(PgConnection& connection, Lookup& lookup,
                                     const PGresult& result) {
  // An earlier lookup of the batch failed; this one was not tried.
  if (PQresultStatus(&result) == PGRES_PIPELINE_ABORTED) return retry_or_give_up(lookup);
  const auto sqlstate = sqlstate_of(result);
  if (is_data_error(sqlstate)) return finish(lookup, {LookupResult::Kind::absent});
  const std::string text = lookup.question.statement->name + " failed: " + describe(result);
  if (is_session_error(sqlstate)) {
    retry_or_give_up(lookup);
    return connection.drop(text);
  }
  log_throttled(answer_log_, NGX_LOG_ERR, log_, text);
  finish(lookup, {LookupResult::Kind::unavailable});
}

void LookupEngine::on_unprepared(const Statement& statement, const PGresult& error) {
  log_throttled(prepare_log_, NGX_LOG_ERR, log_,
                statement.name + " can't be prepared: " + describe(error));
}

void LookupEngine::on_unanswered(PipelineRequest& request) {
  retry_or_give_up(static_cast<Lookup&>(request));
}

void LookupEngine::retry_or_give_up(Lookup& lookup) {
  if (lookup.deadline > ngx_current_msec && queue_.retry(lookup)) {
    dispatch_call_.post();
  } else {
    finish(lookup, {LookupResult::Kind::unavailable});
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

void LookupEngine::finish(Lookup& lookup, const LookupResult& result) {
  queue_.answered(lookup);
  rearm_deadline();
  client_.on_result(lookup, result);
  queue_.release(lookup);
  if (ngx_exiting && queue_.empty()) leave_database();
}

/// The worker shuts down, and nothing waits: the database need not wait either.
void LookupEngine::leave_database() {
  for (auto& connection : connections_) connection->disconnect();
}

}  // namespace media::nginx
