#include "indexer/db/database.hpp"

#include <algorithm>
#include <deque>

#include <boost/asio/steady_timer.hpp>

#include "indexer/db/backoff.hpp"
#include "indexer/db/connection.hpp"
#include "indexer/log.hpp"

namespace media::db {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;
using TimePoint = steady_clock::time_point;

namespace {

/// The server ends a slow statement itself; only when it does not even say so
/// within this time the connection is given up.
constexpr std::chrono::milliseconds kGiveUp{1000};

constexpr const char* kSetCompany = "SELECT set_config('media.company_id', $1, true)";

std::string setup_of(const DatabaseOptions& options) {
  return "SET statement_timeout = " + std::to_string(options.query_timeout.count()) +
         "; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET bytea_output = 'hex'; " +
         options.session_settings;
}

bool has_nul_byte(const Params& params) {
  return std::ranges::any_of(
      params, [](const auto& param) { return param && param->find('\0') != std::string::npos; });
}

Result<Rows> last_of(Result<std::vector<Rows>> rows) {
  if (!rows) return std::unexpected(std::move(rows.error()));
  return std::move(rows->back());
}

/// A caller queued for a connection; wakes up when its timer is cancelled.
struct Waiter {
  Waiter(asio::io_context& loop, TimePoint deadline) : timer(loop, deadline) {}
  asio::steady_timer timer;
  std::shared_ptr<Connection> connection;  ///< set when one was handed over
};

}  // namespace

struct Database::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, DatabaseOptions wanted)
      : loop(io), options(std::move(wanted)), setup(setup_of(options)), all_idle(io) {
    for (std::size_t i = 0; i < std::max<std::size_t>(options.connections, 1); ++i) {
      all.push_back(std::make_shared<Connection>(loop));
      idle.push_back(all.back());
    }
  }

  /// A connection that goes back to the pool by itself.
  using Lease = std::shared_ptr<Connection>;

  Result<std::vector<Rows>> query(asio::yield_context yield, std::span<const Statement> statements);
  Result<std::vector<Rows>> try_query(asio::yield_context yield,
                                      std::span<const Statement> statements);
  Result<Lease> acquire(asio::yield_context yield, TimePoint deadline);
  Result<std::shared_ptr<Connection>> take(asio::yield_context yield, TimePoint deadline);
  Result<void> reconnect(asio::yield_context yield, Connection& connection, TimePoint deadline);
  void give_back(std::shared_ptr<Connection> connection);
  void drain(asio::yield_context yield, std::chrono::milliseconds at_most);
  void refuse_callers();
  void close();

  asio::io_context& loop;
  const DatabaseOptions options;
  const std::string setup;
  std::vector<std::shared_ptr<Connection>> all;
  std::vector<std::shared_ptr<Connection>> idle;
  std::deque<std::shared_ptr<Waiter>> waiting;
  Backoff backoff;
  TimePoint no_attempt_before{};
  std::string last_failure;
  asio::steady_timer all_idle;  ///< of drain(): ends when they are
  bool is_draining = false;     ///< no new callers
  bool is_closed = false;
  std::uint64_t errors = 0;
};

/// Takes an idle connection, the most recently used first, or queues for one.
Result<std::shared_ptr<Connection>> Database::State::take(asio::yield_context yield,
                                                          TimePoint deadline) {
  if (is_draining) return fail(ErrorCode::cancelled, "the database pool is closed");
  if (!idle.empty()) {
    auto connection = std::move(idle.back());
    idle.pop_back();
    return connection;
  }
  if (waiting.size() >= options.max_waiting) {
    return fail(ErrorCode::unavailable, "too many statements wait for a database connection");
  }
  const auto waiter = std::make_shared<Waiter>(loop, deadline);
  waiting.push_back(waiter);
  error_code ignored;
  waiter->timer.async_wait(yield[ignored]);
  if (waiter->connection) return std::move(waiter->connection);
  std::erase(waiting, waiter);
  if (is_draining) return fail(ErrorCode::cancelled, "the database pool is closed");
  return fail(ErrorCode::unavailable, "no database connection became free in time");
}

Result<Database::State::Lease> Database::State::acquire(asio::yield_context yield,
                                                        TimePoint deadline) {
  auto taken = take(yield, deadline);
  if (!taken) return std::unexpected(taken.error());
  Connection* const connection = taken->get();
  Lease lease(connection, [self = shared_from_this(), held = std::move(*taken)](Connection*) {
    self->give_back(held);
  });
  if (is_closed) return fail(ErrorCode::cancelled, "the database pool is closed");
  if (connection->looks_alive()) return lease;
  if (auto connected = reconnect(yield, *connection, deadline); !connected) {
    return std::unexpected(connected.error());
  }
  return lease;
}

/// While attempts fail, callers in between fail at once with the last reason.
Result<void> Database::State::reconnect(asio::yield_context yield, Connection& connection,
                                        TimePoint deadline) {
  const TimePoint now = steady_clock::now();
  if (now < no_attempt_before) return fail(ErrorCode::unavailable, last_failure);
  auto opened = connection.open(yield, options.conninfo, setup,
                                std::min(deadline, now + options.connect_timeout));
  if (is_closed) return fail(ErrorCode::cancelled, "the database pool is closed");
  if (opened) {
    if (!last_failure.empty()) log::info("database_connected");
    last_failure.clear();
    backoff.reset();
    no_attempt_before = {};
    return {};
  }
  if (last_failure.empty()) {
    log::warn("database_unreachable", {{"error", opened.error().message}});
  }
  last_failure = opened.error().message;
  no_attempt_before = steady_clock::now() + backoff.next();
  return fail(ErrorCode::unavailable, last_failure);
}

void Database::State::give_back(std::shared_ptr<Connection> connection) {
  if (connection->is_bloated() || is_closed) connection->close();
  if (is_closed || waiting.empty()) {
    idle.push_back(std::move(connection));
    if (idle.size() == all.size()) all_idle.cancel();
    return;
  }
  const auto waiter = std::move(waiting.front());
  waiting.pop_front();
  waiter->connection = std::move(connection);
  waiter->timer.cancel();
}

Result<std::vector<Rows>> Database::State::query(asio::yield_context yield,
                                                 std::span<const Statement> statements) {
  auto rows = try_query(yield, statements);
  if (!rows && rows.error().code == ErrorCode::unavailable) ++errors;
  return rows;
}

Result<std::vector<Rows>> Database::State::try_query(asio::yield_context yield,
                                                     std::span<const Statement> statements) {
  if (std::ranges::any_of(statements, has_nul_byte, &Statement::params)) {
    return fail(ErrorCode::invalid_argument, "text for the database contains a NUL byte");
  }
  const TimePoint deadline = steady_clock::now() + options.query_timeout;
  // A forgotten statement fails before anything is executed: once more.
  for (bool is_retry = false;; is_retry = true) {
    const auto lease = acquire(yield, deadline);
    if (!lease) return std::unexpected(lease.error());
    Connection& connection = **lease;
    auto rows =
        connection.run(yield, statements, steady_clock::now() + options.query_timeout + kGiveUp);
    if (rows) return rows;
    if (is_closed) return fail(ErrorCode::cancelled, "the database pool was closed");
    if (!connection.has_stale_statement()) return rows;
    connection.close();
    if (is_retry) return rows;
  }
}

void Database::State::refuse_callers() {
  is_draining = true;
  for (const auto& waiter : waiting) waiter->timer.cancel();
}

void Database::State::drain(asio::yield_context yield, std::chrono::milliseconds at_most) {
  refuse_callers();
  if (idle.size() == all.size()) return;
  all_idle.expires_after(at_most);
  error_code ignored;
  all_idle.async_wait(yield[ignored]);
}

void Database::State::close() {
  is_closed = true;
  for (const auto& connection : all) connection->close();
  refuse_callers();
}

Database::Database(asio::io_context& loop, DatabaseOptions options)
    : state_(std::make_shared<State>(loop, std::move(options))) {}

Database::~Database() { state_->close(); }

Result<Rows> Database::query(asio::yield_context yield, std::string_view sql, Params params) {
  const Statement statement{std::string(sql), std::move(params)};
  return last_of(query_together(yield, {&statement, 1}));
}

Result<Rows> Database::query_as(asio::yield_context yield, const Uuid& company,
                                std::string_view sql, Params params) {
  const Statement statements[] = {{kSetCompany, {company.to_string()}},
                                  {std::string(sql), std::move(params)}};
  return last_of(query_together(yield, statements));
}

Result<std::vector<Rows>> Database::query_together(asio::yield_context yield,
                                                   std::span<const Statement> statements) {
  const auto state = state_;
  return state->query(yield, statements);
}

void Database::drain(asio::yield_context yield, std::chrono::milliseconds at_most) {
  const auto state = state_;
  state->drain(yield, at_most);
}

PoolStatus Database::status() const {
  const std::size_t connections = state_->all.size();
  return {connections, connections - state_->idle.size(), state_->waiting.size(), state_->errors};
}

void Database::close() { state_->close(); }

}  // namespace media::db
