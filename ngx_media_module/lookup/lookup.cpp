#include "ngx_media_module/lookup/lookup.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/log.hpp"

namespace media::nginx {
namespace {

constexpr ngx_msec_t kConnectTimeout = 5000;
constexpr ngx_msec_t kStartJitter = 50;
/// Statements sent together to one backend: enough to share system calls, few
/// enough to keep several backends busy.
constexpr std::size_t kMaxStatements = 16;
/// Lookups sent together, most of them in one statement.
constexpr std::size_t kMaxLookups = 64;
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

/// The rows of a result. Names and types of the columns are the same in all of them.
class Rows {
 public:
  explicit Rows(const PGresult& result)
      : result_(result),
        columns_(std::min(static_cast<std::size_t>(PQnfields(&result)), kMaxColumns)) {
    for (int field = 0; Column & column : columns_) {
      column.name = PQfname(&result, field);
      column.type = PQftype(&result, field);
      ++field;
    }
  }

  int count() const { return PQntuples(&result_); }
  /// Valid until the next one is read.
  Row read(int number) {
    for (int field = 0; Column & column : columns_) {
      column.bytes = {PQgetvalue(&result_, number, field),
                      static_cast<std::size_t>(PQgetlength(&result_, number, field))};
      column.is_null = column.bytes.empty() && PQgetisnull(&result_, number, field) != 0;
      ++field;
    }
    return Row(columns_);
  }

 private:
  const PGresult& result_;
  std::vector<Column> columns_;
};

/// A leader and its followers, in the order in which they were asked about.
std::vector<Lookup*> disband(Lookup& leader) {
  std::vector<Lookup*> lookups{&leader};
  while (!leader.followers.empty()) lookups.push_back(&leader.followers.pop_front());
  return lookups;
}

/// What Statement::many takes: "{ID,ID}".
std::string ids_of(Lookup& leader) {
  std::string ids = "{" + leader.question.parameters[0];
  leader.followers.for_each(
      [&ids](const Lookup& lookup) { ids.append(",").append(lookup.question.parameters[0]); });
  return ids + "}";
}

/// Takes the lookup that a row of Statement::many is about out of `lookups`.
Lookup* take_asked(std::span<Lookup*> lookups, const Row& row) {
  const Column* const column = row.find("asked");
  const auto asked = column == nullptr ? std::nullopt : integer_of(*column);
  if (!asked || *asked < 1 || static_cast<std::size_t>(*asked) > lookups.size()) return nullptr;
  return std::exchange(lookups[static_cast<std::size_t>(*asked) - 1], nullptr);
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

void LookupEngine::hurry() {
  if (!down_since_) return;
  down_since_.reset();
  failures_ = 0;
  for (auto& connection : connections_) connection->connect_now();
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
      PgConnection* connection = next_connection();
      if (connection == nullptr) break;
      send_batch(*connection);
    }
    return 0;
  });
}

/// Null: the lookups wait until a connection is there, or has answered. Sent behind
/// others they would not be answered sooner, and as one statement they cost less; but
/// when that is full there is no reason to wait.
PgConnection* LookupEngine::next_connection() {
  PgConnection* connection = least_busy();
  if (connection == nullptr) {
    wake_connections();
    return nullptr;
  }
  const bool is_busy = connection->unanswered() > 0;
  const bool may_grow =
      queue_.first_pending().question.statement->many != nullptr && queue_.pending() < kMaxLookups;
  return is_busy && may_grow ? nullptr : connection;
}

void LookupEngine::send_batch(PgConnection& connection) {
  gather_batch(connection);
  for (Lookup* leader : leaders_) {
    if (connection.is_ready()) {
      send(connection, *leader);
    } else {
      on_unanswered(*leader);  // it broke, and could tell only of those that were sent
    }
  }
  if (connection.is_ready() && !leaders_.empty()) connection.finish_batch();
}

/// Takes lookups off the queue, each to lead or to follow one of the same statement.
void LookupEngine::gather_batch(PgConnection& connection) {
  leaders_.clear();
  for (std::size_t taken = 0; taken < kMaxLookups && queue_.has_pending(); ++taken) {
    if (leaders_.size() == kMaxStatements) return;
    // Alone in its batch, a retry can't suffer from another lookup's error again.
    const bool is_retry = queue_.first_pending().retries > 0;
    if (is_retry && !leaders_.empty()) return;
    Lookup& lookup = queue_.take_pending();
    if (!connection.is_prepared(*lookup.question.statement)) {
      refuse_unprepared(connection, lookup);
      if (!connection.is_ready()) return;
      continue;
    }
    lookup.connection = &connection;
    if (Lookup* leader = leader_for(lookup, connection)) {
      leader->followers.push_back(lookup);
    } else {
      leaders_.push_back(&lookup);
    }
    if (is_retry) return;
  }
}

Lookup* LookupEngine::leader_for(const Lookup& lookup, const PgConnection& connection) {
  const Statement& statement = *lookup.question.statement;
  if (statement.many == nullptr || !connection.is_prepared(*statement.many)) return nullptr;
  const auto found = std::ranges::find_if(
      leaders_, [&](const Lookup* leader) { return leader->question.statement == &statement; });
  return found == leaders_.end() ? nullptr : *found;
}

void LookupEngine::send(PgConnection& connection, Lookup& leader) {
  const Question& question = leader.question;
  if (leader.followers.empty()) {
    connection.send(leader, *question.statement, question.parameters);
  } else {
    connection.send(leader, *question.statement->many, {ids_of(leader)});
  }
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
  if (!lookup.followers.empty()) {
    answer_followed(connection, lookup, result);
  } else if (PQresultStatus(&result) == PGRES_TUPLES_OK) {
    answer_with_row(lookup, result);
  } else {
    answer_with_error(connection, lookup, result);
  }
  if (queue_.has_pending()) dispatch_call_.post();
}

/// Which of them an error is about is not known: each is asked about alone.
void LookupEngine::answer_followed(PgConnection& connection, Lookup& leader,
                                   const PGresult& result) {
  if (PQresultStatus(&result) == PGRES_TUPLES_OK) return answer_with_rows(leader, result);
  const bool is_aborted = PQresultStatus(&result) == PGRES_PIPELINE_ABORTED;
  const std::string text = leader.question.statement->many->name + " failed: " + describe(result);
  on_unanswered(leader);
  if (is_session_error(sqlstate_of(result))) return connection.drop(text);
  if (!is_aborted) log_throttled(answer_log_, NGX_LOG_ERR, log_, text);
}

void LookupEngine::answer_with_rows(Lookup& leader, const PGresult& result) {
  auto lookups = disband(leader);
  Rows rows(result);
  for (int i = 0; i < rows.count(); ++i) {
    const Row row = rows.read(i);
    if (Lookup* lookup = take_asked(lookups, row)) {
      finish(*lookup, {LookupResult::Kind::found, &row});
    }
  }
  for (Lookup* lookup : lookups) {
    if (lookup != nullptr) finish(*lookup, {LookupResult::Kind::absent});
  }
}

void LookupEngine::answer_with_row(Lookup& lookup, const PGresult& result) {
  Rows rows(result);
  if (rows.count() == 0) return finish(lookup, {LookupResult::Kind::absent});
  const Row row = rows.read(0);
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
  for (Lookup* lookup : disband(static_cast<Lookup&>(request))) retry_or_give_up(*lookup);
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
