#include <cstdio>

#include "core/jwt.hpp"
#include "indexer/json.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/session_token.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

std::string hash_of(std::string_view token) { return db::bytea(revocation_digest(token)); }

// Nothing when there is none; names need not be unique.
Result<std::optional<std::string>> find_user(db::Database& database, yield_context yield,
                                             const std::string& name_or_id) {
  const auto rows =
      database.query(yield, "SELECT u AS id FROM media.find_users($1) AS u", {name_or_id});
  if (!rows) return std::unexpected(rows.error());
  if (rows->size() > 1) {
    return fail(ErrorCode::conflict, std::to_string(rows->size()) + " users are named '" +
                                         name_or_id + "': give the id of one");
  }
  if (rows->empty()) return std::nullopt;
  return std::string(rows->text(0, "id"));
}

Result<std::string> revoke_self_contained(db::Database& database, yield_context yield,
                                          const std::string& token) {
  const auto expires_at = expiry_of(token);
  if (!expires_at) return std::unexpected(expires_at.error());
  db::Params params = {hash_of(token), std::nullopt};
  if (*expires_at) params[1] = std::to_string(**expires_at);
  const auto revoked = database.query(yield, "SELECT media.revoke_token($1, $2)", params);
  if (!revoked) return std::unexpected(revoked.error());
  std::fprintf(stderr, "the token is refused from now on\n");
  return std::string();
}

Result<std::string> revoke_token(db::Database& database, yield_context yield,
                                 const std::string& token) {
  if (is_self_contained(token)) return revoke_self_contained(database, yield, token);
  const auto rows =
      database.query(yield, "SELECT media.revoke_session($1) AS found", {hash_of(token)});
  if (!rows) return std::unexpected(rows.error());
  if (!rows->boolean(0, "found")) {
    return fail(ErrorCode::not_found, "no session has this token");
  }
  std::fprintf(stderr, "the session has ended\n");
  return std::string();
}

// Tokens of the site's own may name users that no table here has.
Result<std::string> revoke_user(db::Database& database, yield_context yield,
                                const std::string& name_or_id) {
  const auto user = find_user(database, yield, name_or_id);
  if (!user) return std::unexpected(user.error());
  const std::string id = user->value_or(name_or_id);
  const auto rows = database.query(yield, "SELECT media.revoke_user($1) AS sessions", {id});
  if (!rows) return std::unexpected(rows.error());
  if (!*user) std::fprintf(stderr, "no user '%s' is known here\n", id.c_str());
  std::fprintf(stderr, "sessions ended: %s; tokens of '%s' issued until now are refused\n",
               std::string(rows->text(0, "sessions")).c_str(), id.c_str());
  return std::string();
}

std::string utc(const std::string& column) {
  return "to_char(" + column + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS " +
         column;
}

std::string sessions_json(const db::Rows& rows) {
  Json list = Json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json session = Json::object();
    for (const char* column :
         {"id", "state", "company_id", "company", "created_at", "expires_at", "revoked_at"}) {
      session.set_or_null(column, rows.optional_text(row, column));
    }
    list.push(session);
  }
  return list.dump();
}

std::string sessions_text(const db::Rows& rows) {
  std::string text;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::string state(rows.text(row, "state"));
    state.resize(8, ' ');
    if (row > 0) text += '\n';
    text += state + " from " + std::string(rows.text(row, "created_at")) + " to " +
            std::string(rows.text(row, "expires_at")) + " for " +
            std::string(rows.text(row, "company"));
  }
  return text;
}

}  // namespace

Result<std::string> open_session(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto member = find_member(database, yield, line);
        if (!member) return std::unexpected(member.error());
        std::string token = new_session_token();
        const auto opened = database.query(
            yield, "SELECT media.open_session($1, $2, $3, $4)",
            {hash_of(token), member->company, member->user, std::to_string(line.ttl.count())});
        if (!opened) return std::unexpected(opened.error());
        return token;
      });
}

Result<std::string> revoke_session(const Config& config, const CommandLine& line) {
  return with_database(config, [&](db::Database& database, yield_context yield) {
    return line.user.empty() ? revoke_token(database, yield, line.name)
                             : revoke_user(database, yield, line.user);
  });
}

Result<std::string> list_sessions(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto user = find_user(database, yield, line.user);
        if (!user) return std::unexpected(user.error());
        if (!*user) return fail(ErrorCode::not_found, "no user '" + line.user + "'");
        const auto rows = database.query(yield,
                                         "SELECT id, state, company_id, company, " +
                                             utc("created_at") + ", " + utc("expires_at") + ", " +
                                             utc("revoked_at") + " FROM media.list_sessions($1)",
                                         {**user});
        if (!rows) return std::unexpected(rows.error());
        return line.as_json ? sessions_json(*rows) : sessions_text(*rows);
      });
}

}  // namespace media::ops
