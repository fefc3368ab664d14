#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/error.hpp"
#include "indexer/db/database.hpp"

namespace media::db {

struct ResultDelete {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultDelete>;

/// One non-blocking libpq connection, used by one coroutine at a time. After
/// any failure of the connection itself it is closed and stays so.
class Connection {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit Connection(boost::asio::io_context& loop);
  ~Connection();
  Connection(const Connection&) = delete;

  /// Connects and runs `setup`, one or more statements without results.
  Result<void> open(boost::asio::yield_context yield, const std::string& conninfo,
                    const std::string& setup, TimePoint deadline);

  /// Runs statements as one transaction, each prepared at its first use. One
  /// round trip. What each returned, in their order.
  Result<std::vector<Rows>> run(boost::asio::yield_context yield,
                                std::span<const Statement> statements, TimePoint deadline);

  /// Waits for the next notification and passes on all that came.
  Result<void> wait_for_notifications(boost::asio::yield_context yield,
                                      const std::function<void(std::string_view)>& callback);

  bool is_open() const { return connection_ != nullptr; }
  /// Whether an idle connection is still there, as far as this side knows.
  bool looks_alive();
  /// Whether the last failure was a prepared statement that the server forgot
  /// or that no longer fits the schema: nothing was executed.
  bool has_stale_statement() const { return has_stale_statement_; }
  /// Whether parameters have blown up libpq's buffers, which never shrink.
  bool is_bloated() const { return is_bloated_; }
  /// Interrupts a running wait, which then fails with `unavailable`.
  void close();

 private:
  enum class Wait { read, write };

  static void on_notice(void* self, const PGresult* notice);

  Result<void> connect(boost::asio::yield_context yield, const std::string& conninfo,
                       TimePoint deadline);
  Result<void> wait(boost::asio::yield_context yield, Wait direction, TimePoint deadline);
  Result<void> flush(boost::asio::yield_context yield, TimePoint deadline);
  Result<ResultPtr> next_result(boost::asio::yield_context yield, TimePoint deadline);
  Result<void> run_setup(boost::asio::yield_context yield, const std::string& setup,
                         TimePoint deadline);
  bool send(std::span<const Statement> statements);
  bool send_statement(const std::string& sql, const Params& params);
  Result<std::vector<Rows>> collect(boost::asio::yield_context yield, TimePoint deadline);
  void forget_unprepared(std::size_t first_step);
  void watch_socket();
  std::unexpected<Error> lost(std::string_view doing);

  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
  PGconn* connection_ = nullptr;
  std::unordered_map<std::string, std::string> statement_names_;  ///< by SQL text
  std::vector<std::string> steps_;  ///< per command under way: the SQL it prepares, or nothing
  std::size_t names_given_ = 0;
  bool has_stale_statement_ = false;
  bool is_bloated_ = false;
  bool is_doomed_ = false;  ///< the server has said that it will close it
};

}  // namespace media::db
