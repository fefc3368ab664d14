#include "indexer/db/connection.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "indexer/db/sql_error.hpp"
#include "indexer/log.hpp"

namespace media::db {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Beyond this, a connection's buffers are not worth keeping.
constexpr std::size_t kBloat = 1u << 20;

enum class WaitState { waiting, timed_out, ended };

/// Defaults come before the conninfo and are overridden by it, demands after.
PGconn* start_connecting(const std::string& conninfo) {
  const char* const names[] = {
      "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
      "tcp_user_timeout",          "dbname",          "client_encoding",     nullptr};
  const char* const values[] = {"media-indexer",  "30",   "10",   "3", "30000",
                                conninfo.c_str(), "UTF8", nullptr};
  return PQconnectStartParams(names, values, 1);
}

}  // namespace

Connection::Connection(asio::io_context& loop) : descriptor_(loop), timer_(loop) {}

Connection::~Connection() { close(); }

void Connection::close() {
  // libpq owns the socket: the descriptor must let go of it first.
  if (descriptor_.is_open()) descriptor_.release();
  timer_.cancel();
  if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
  statement_names_.clear();
  is_bloated_ = false;
  is_doomed_ = false;
}

/// Errors outside of a statement arrive as notices as well.
void Connection::on_notice(void* self, const PGresult* notice) {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  const std::string_view name = severity == nullptr ? "" : severity;
  if (name == "FATAL" || name == "PANIC") static_cast<Connection*>(self)->is_doomed_ = true;
  log::debug("database_notice", {{"message", error_of(notice).message}});
}

std::unexpected<Error> Connection::lost(std::string_view doing) {
  std::string message(doing);
  if (connection_ != nullptr) message += ": " + connection_message(connection_);
  close();
  return fail(ErrorCode::unavailable, std::move(message));
}

/// libpq may have opened another socket, even under the same number.
void Connection::watch_socket() {
  if (descriptor_.is_open()) descriptor_.release();
  const int socket = PQsocket(connection_);
  error_code ignored;  // an unusable socket shows in the next wait
  if (socket >= 0) descriptor_.assign(socket, ignored);
}

Result<void> Connection::wait(asio::yield_context yield, Wait direction, TimePoint deadline) {
  if (!descriptor_.is_open()) return lost("database connection");
  // Expiry may already be queued when the wait ends: then it finds it ended.
  const auto state = std::make_shared<WaitState>(WaitState::waiting);
  const std::shared_ptr<void> end(nullptr, [state](void*) { *state = WaitState::ended; });
  if (deadline != TimePoint::max()) {
    timer_.expires_at(deadline);
    timer_.async_wait([this, state](const error_code& error) {
      if (error || *state != WaitState::waiting) return;
      *state = WaitState::timed_out;
      descriptor_.cancel();
    });
  }
  error_code error;
  descriptor_.async_wait(direction == Wait::read ? asio::posix::descriptor_base::wait_read
                                                 : asio::posix::descriptor_base::wait_write,
                         yield[error]);
  if (*state == WaitState::timed_out) {
    close();
    return fail(ErrorCode::unavailable, "the database did not answer in time");
  }
  timer_.cancel();
  if (connection_ == nullptr) return fail(ErrorCode::unavailable, "the connection was closed");
  if (error) return lost("database connection");
  return {};
}

Result<void> Connection::connect(asio::yield_context yield, const std::string& conninfo,
                                 TimePoint deadline) {
  connection_ = start_connecting(conninfo);
  if (connection_ == nullptr) return fail(ErrorCode::unavailable, "out of memory");
  PQsetNoticeReceiver(connection_, &Connection::on_notice, this);
  PostgresPollingStatusType status =
      PQstatus(connection_) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  while (status != PGRES_POLLING_OK) {
    if (status == PGRES_POLLING_FAILED) return lost("connect");
    watch_socket();
    const Wait direction = status == PGRES_POLLING_READING ? Wait::read : Wait::write;
    if (auto waited = wait(yield, direction, deadline); !waited) return waited;
    descriptor_.release();
    status = PQconnectPoll(connection_);
  }
  watch_socket();
  return {};
}

Result<void> Connection::open(asio::yield_context yield, const std::string& conninfo,
                              const std::string& setup, TimePoint deadline) {
  close();
  if (auto connected = connect(yield, conninfo, deadline); !connected) return connected;
  if (PQsetnonblocking(connection_, 1) != 0) return lost("connect");
  return run_setup(yield, setup, deadline);
}

Result<void> Connection::run_setup(asio::yield_context yield, const std::string& setup,
                                   TimePoint deadline) {
  if (PQsendQuery(connection_, setup.c_str()) != 1) return lost("set up the connection");
  if (auto flushed = flush(yield, deadline); !flushed) return flushed;
  std::optional<Error> failure;
  for (;;) {
    auto result = next_result(yield, deadline);
    if (!result) return std::unexpected(result.error());
    if (!*result) break;
    const ExecStatusType status = PQresultStatus(result->get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) failure = error_of(result->get());
  }
  if (!failure) return {};
  close();
  return std::unexpected(std::move(*failure).context("set up the connection"));
}

Result<void> Connection::flush(asio::yield_context yield, TimePoint deadline) {
  for (;;) {
    const int pending = PQflush(connection_);
    if (pending < 0) return lost("send to the database");
    if (pending == 0) return {};
    if (auto waited = wait(yield, Wait::write, deadline); !waited) return waited;
  }
}

/// Null at the end of one statement's results.
Result<ResultPtr> Connection::next_result(asio::yield_context yield, TimePoint deadline) {
  while (PQisBusy(connection_)) {
    if (auto waited = wait(yield, Wait::read, deadline); !waited) {
      return std::unexpected(waited.error());
    }
    if (PQconsumeInput(connection_) != 1) break;  // the result tells why
  }
  return ResultPtr(PQgetResult(connection_));
}

bool Connection::send_statement(const std::string& sql, const Params& params) {
  const auto [name, is_new] = statement_names_.try_emplace(sql);
  if (is_new) {
    name->second = "media_" + std::to_string(names_given_++);
    if (PQsendPrepare(connection_, name->second.c_str(), sql.c_str(), 0, nullptr) != 1)
      return false;
    steps_.push_back(sql);
  }
  std::vector<const char*> values;
  std::size_t size = 0;
  for (const auto& param : params) {
    values.push_back(param ? param->c_str() : nullptr);
    size += param ? param->size() : 0;
  }
  is_bloated_ = is_bloated_ || size > kBloat;
  steps_.emplace_back();
  return PQsendQueryPrepared(connection_, name->second.c_str(), static_cast<int>(values.size()),
                             values.data(), nullptr, nullptr, 0) == 1;
}

/// Statements up to the sync are one transaction (PostgreSQL manual, "Extended
/// Query", "Pipelining").
bool Connection::send(std::span<const Statement> statements) {
  if (PQpipelineStatus(connection_) == PQ_PIPELINE_OFF && PQenterPipelineMode(connection_) != 1) {
    return false;
  }
  for (const Statement& statement : statements) {
    if (!send_statement(statement.sql, statement.params)) return false;
  }
  return PQpipelineSync(connection_) == 1;
}

Result<std::vector<Rows>> Connection::run(asio::yield_context yield,
                                          std::span<const Statement> statements,
                                          TimePoint deadline) {
  has_stale_statement_ = false;
  steps_.clear();
  if (!send(statements)) return lost("send to the database");
  if (auto flushed = flush(yield, deadline); !flushed) return std::unexpected(flushed.error());
  auto rows = collect(yield, deadline);
  if (rows && rows->size() != statements.size()) return lost("the database sent too few results");
  return rows;
}

/// Reads up to the sync. Its own result counts as well: there the transaction
/// commits, and deferred constraints speak.
Result<std::vector<Rows>> Connection::collect(asio::yield_context yield, TimePoint deadline) {
  std::vector<Rows> rows;
  std::optional<Error> failure;
  std::size_t succeeded = 0;
  for (;;) {
    auto result = next_result(yield, deadline);
    if (!result) return std::unexpected(result.error());
    const ExecStatusType status = *result ? PQresultStatus(result->get()) : PGRES_EMPTY_QUERY;
    if (status == PGRES_PIPELINE_SYNC) break;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      const bool is_preparation = succeeded < steps_.size() && !steps_[succeeded].empty();
      if (!is_preparation) rows.emplace_back(result->release());
      ++succeeded;
    } else if (*result && status != PGRES_PIPELINE_ABORTED && !failure) {
      failure = error_of(result->get());
      has_stale_statement_ = is_stale_statement(result->get());
    }
    if (PQstatus(connection_) == CONNECTION_BAD) {
      auto ended = lost("database connection");
      if (failure) return std::unexpected(std::move(*failure));
      return ended;
    }
  }
  if (!failure) return rows;
  forget_unprepared(succeeded);
  return std::unexpected(std::move(*failure));
}

/// Prepared statements outlive a failed transaction, but those whose
/// preparation failed or was skipped do not exist.
void Connection::forget_unprepared(std::size_t first_step) {
  for (std::size_t step = first_step; step < steps_.size(); ++step) {
    if (!steps_[step].empty()) statement_names_.erase(steps_[step]);
  }
}

bool Connection::looks_alive() {
  while (connection_ != nullptr) {
    char byte = 0;
    const ssize_t peeked = ::recv(PQsocket(connection_), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (peeked < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !is_doomed_) return true;
    const bool is_readable = peeked > 0 && !is_doomed_ && PQconsumeInput(connection_) == 1;
    if (is_readable) {
      PQisBusy(connection_);  // takes notices and settings out of the buffer
    } else {
      close();
    }
  }
  return false;
}

Result<void> Connection::wait_for_notifications(
    asio::yield_context yield, const std::function<void(std::string_view)>& callback) {
  for (;;) {
    bool has_some = false;
    while (connection_ != nullptr) {
      const std::unique_ptr<PGnotify, decltype([](PGnotify* notify) { PQfreemem(notify); })> notify(
          PQnotifies(connection_));
      if (!notify) break;
      has_some = true;
      callback(notify->extra);
    }
    if (has_some) return {};
    if (auto waited = wait(yield, Wait::read, TimePoint::max()); !waited) return waited;
    if (PQconsumeInput(connection_) != 1) return lost("listen");
  }
}

}  // namespace media::db
