#include "indexer/db/sql_error.hpp"

#include <algorithm>

namespace media::db {
namespace {

std::string_view field_of(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? std::string_view() : text;
}

/// By class or code, see PostgreSQL's appendix "Error Codes".
ErrorCode code_of(std::string_view sqlstate) {
  const std::string_view error_class = sqlstate.substr(0, 2);
  if (error_class == "23") return ErrorCode::conflict;
  if (error_class == "22") return ErrorCode::invalid_argument;
  const bool passes = error_class == "08" ||  // connection
                      error_class == "40" ||  // serialization failure, deadlock
                      error_class == "53" ||  // out of connections, memory, disk
                      error_class == "57" ||  // operator intervention: shutdown, timeout
                      error_class == "58" ||  // system error of the server
                      sqlstate == "25006" ||  // read-only: a fail-over is under way
                      sqlstate == "55P03";    // lock not available
  return passes ? ErrorCode::unavailable : ErrorCode::internal;
}

std::string on_one_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  std::string line(text);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return line;
}

}  // namespace

Error error_of(const PGresult* result) {
  const std::string_view sqlstate = field_of(result, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) {
    return {ErrorCode::unavailable, on_one_line(PQresultErrorMessage(result))};
  }
  const ErrorCode code = code_of(sqlstate);
  const std::string_view text = code == ErrorCode::invalid_argument
                                    ? std::string_view("the database refused a value")
                                    : field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  return {code, on_one_line(text) + " (SQLSTATE " + std::string(sqlstate) + ")"};
}

std::string connection_message(const PGconn* connection) {
  return on_one_line(PQerrorMessage(connection));
}

bool is_stale_statement(const PGresult* result) {
  const std::string_view sqlstate = field_of(result, PG_DIAG_SQLSTATE);
  return sqlstate == "26000" ||  // invalid_sql_statement_name
         (sqlstate == "0A000" &&
          field_of(result, PG_DIAG_MESSAGE_PRIMARY) == "cached plan must not change result type");
}

}  // namespace media::db
