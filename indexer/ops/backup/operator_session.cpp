#include "indexer/ops/backup/operator_session.hpp"

#include <libpq-fe.h>

#include <map>

#include <unistd.h>

#include "indexer/db/sql_error.hpp"

namespace media::backup {
namespace {

constexpr const char* kSettings =
    "SET application_name = 'media-indexer backup'; SET timezone = 'UTC'; "
    "SET client_min_messages = warning; SET statement_timeout = 0; "
    "SET idle_in_transaction_session_timeout = 0";

using Options = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

bool is_success(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

}  // namespace

void OperatorSession::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Result<OperatorSession> OperatorSession::open(const std::string& conninfo) {
  OperatorSession session(PQconnectdb(conninfo.c_str()));
  if (PQstatus(session.connection_.get()) != CONNECTION_OK) {
    return fail(ErrorCode::unavailable, db::connection_message(session.connection_.get()));
  }
  PQsetNoticeProcessor(
      session.connection_.get(), [](void*, const char*) {}, nullptr);
  if (auto set = session.execute(kSettings); !set) return std::unexpected(set.error());
  return session;
}

Result<db::Rows> OperatorSession::query(const std::string& sql, const db::Params& params) {
  std::vector<const char*> values;
  for (const auto& param : params) values.push_back(param ? param->c_str() : nullptr);
  PGresult* result = PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                                  nullptr, values.data(), nullptr, nullptr, 0);
  db::Rows rows(result);
  if (!is_success(result)) return std::unexpected(db::error_of(result));
  return rows;
}

Result<void> OperatorSession::execute(const std::string& sql) {
  PGresult* result = PQexec(connection_.get(), sql.c_str());
  const db::Rows owner(result);
  if (!is_success(result)) return std::unexpected(db::error_of(result));
  return {};
}

Result<std::vector<std::string>> environment_for(const std::string& conninfo) {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  char* problem = nullptr;
  const Options options(PQconninfoParse(conninfo.c_str(), &problem), &PQconninfoFree);
  if (!options) {
    const std::string text = problem == nullptr ? "out of memory" : problem;
    PQfreemem(problem);
    return fail(ErrorCode::invalid_argument, "conninfo: " + text);
  }
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr && option->envvar != nullptr)
      variables[option->envvar] = option->val;
  }
  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  return environment;
}

}  // namespace media::backup
