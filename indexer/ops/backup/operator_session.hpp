#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "indexer/db/database.hpp"

struct pg_conn;

namespace media::backup {

/// One blocking connection with the operator's role, for transactions of many
/// statements. Where its conninfo says nothing, libpq's environment holds (PGSERVICE,
/// PGHOST, PGUSER, ...).
class OperatorSession {
 public:
  /// Error `unavailable`.
  static Result<OperatorSession> open(const std::string& conninfo);

  /// One statement; errors as of db::Database::query().
  Result<db::Rows> query(const std::string& sql, const db::Params& params = {});
  /// One statement or more, without results.
  Result<void> execute(const std::string& sql);

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  explicit OperatorSession(pg_conn* connection) : connection_(connection) {}

  std::unique_ptr<pg_conn, Close> connection_;
};

/// This process's environment with what the conninfo says, for programs of PostgreSQL:
/// in their arguments everybody could read a password.
Result<std::vector<std::string>> environment_for(const std::string& conninfo);

}  // namespace media::backup
