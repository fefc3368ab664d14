#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "core/encoding.hpp"
#include "core/error.hpp"
#include "core/uuid.hpp"

struct pg_result;

namespace media::db {

/// Text parameters of a statement; nothing stands for NULL. Bytes go as
/// bytea(...) below, arrays as text_array(...).
using Params = std::vector<std::optional<std::string>>;

/// A statement with its parameters, $1 first.
struct Statement {
  std::string sql;
  Params params = {};
};

/// PostgreSQL's hex input form of a bytea.
std::string bytea(ByteView bytes);
/// PostgreSQL's input form of a text[] (quoted as needed).
std::string text_array(const std::vector<std::string>& items);

/// The rows that a statement returned; values are text, addressed by column name.
class Rows {
 public:
  explicit Rows(pg_result* result);
  std::size_t size() const;
  bool empty() const { return size() == 0; }
  bool is_null(std::size_t row, std::string_view column) const;
  /// Empty for NULL. An unknown column is a bug and throws std::logic_error.
  std::string_view text(std::size_t row, std::string_view column) const;
  std::int64_t integer(std::size_t row, std::string_view column) const;  ///< 0 for NULL
  double real(std::size_t row, std::string_view column) const;           ///< likewise
  bool boolean(std::size_t row, std::string_view column) const;          ///< false for NULL
  Bytes bytes(std::size_t row, std::string_view column) const;           ///< of a bytea
  std::optional<std::string> optional_text(std::size_t row, std::string_view column) const;

 private:
  int column_index(std::string_view column) const;
  std::shared_ptr<pg_result> result_;
};

struct DatabaseOptions {
  std::string conninfo;
  std::string session_settings;  ///< a SET statement run on each new connection; may be empty
  std::size_t connections = 4;
  std::chrono::milliseconds query_timeout{10000};
  std::chrono::milliseconds connect_timeout{5000};
  std::size_t max_waiting = 1024;  ///< callers queued for a connection; beyond: unavailable
};

/// How busy a pool is.
struct PoolStatus {
  std::size_t connections = 0;
  std::size_t in_use = 0;
  std::size_t waiting = 0;   ///< callers queued for a connection
  std::uint64_t errors = 0;  ///< statements that ended as `unavailable`, ever
};

/// A pool of non-blocking libpq connections on one loop. Statements are
/// prepared once a connection and reused; lost connections are re-made with
/// backoff.
class Database {
 public:
  Database(boost::asio::io_context& loop, DatabaseOptions options);
  ~Database();

  /// Runs one statement as one transaction. Errors: `unavailable` (no connection, timeout, server
  /// going down), `conflict` (SQLSTATE class 23), `invalid_argument` (class 22),
  /// `internal` (the rest); the message carries the SQLSTATE, never parameters.
  Result<Rows> query(boost::asio::yield_context yield, std::string_view sql, Params params = {});

  /// Runs statements in one transaction and one round trip: all of them or none.
  /// Returns what each returned. The error is that of the first that failed.
  Result<std::vector<Rows>> query_together(boost::asio::yield_context yield,
                                           std::span<const Statement> statements);

  /// The same as query() with `media.company_id` set for the statement's transaction, so
  /// that row-level security shows only this company's rows. One round trip.
  Result<Rows> query_as(boost::asio::yield_context yield, const Uuid& company, std::string_view sql,
                        Params params = {});

  /// Lets statements under way end, for `at_most`; queued and later callers get
  /// `cancelled`.
  void drain(boost::asio::yield_context yield, std::chrono::milliseconds at_most);

  PoolStatus status() const;

  /// Closes all connections; queued and later callers get `cancelled`.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace media::db
