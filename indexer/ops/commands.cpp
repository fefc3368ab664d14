#include "indexer/ops/commands.hpp"

#include <chrono>
#include <cstdio>

#include "core/jwt.hpp"
#include "core/uuid.hpp"
#include "indexer/ops/database_session.hpp"

namespace media::ops {
namespace {

// The first column of the first row.
Result<std::string> value_of(const Result<db::Rows>& rows) {
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorCode::internal, "the database returned no row");
  return std::string(rows->text(0, "value"));
}

}  // namespace

Result<std::string> find_company(db::Database& database, boost::asio::yield_context yield,
                                 const std::string& name_or_id) {
  auto id = value_of(database.query(yield, "SELECT media.find_company($1) AS value", {name_or_id}));
  if (id && id->empty()) {
    return fail(ErrorCode::not_found,
                "no company '" + name_or_id + "': media-indexer company add makes one");
  }
  return id;
}

Result<Member> find_member(db::Database& database, boost::asio::yield_context yield,
                           const CommandLine& line) {
  const auto company = find_company(database, yield, line.company);
  if (!company) return std::unexpected(company.error());
  const auto rows = database.query(yield, "SELECT user_id, role FROM media.find_user($1, $2)",
                                   {*company, line.user});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) {
    return fail(ErrorCode::not_found,
                "no user '" + line.user + "' in company '" + line.company + "'");
  }
  return Member{*company, std::string(rows->text(0, "user_id")),
                std::string(rows->text(0, "role"))};
}

Result<std::string> add_company(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, boost::asio::yield_context yield) -> Result<std::string> {
        auto id =
            value_of(database.query(yield, "SELECT media.add_company($1) AS value", {line.name}));
        if (!id && id.error().code == ErrorCode::conflict) {
          return fail(ErrorCode::conflict,
                      "the name '" + line.name + "' is taken, or longer than 200 characters");
        }
        return id;
      });
}

Result<std::string> add_user(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, boost::asio::yield_context yield) -> Result<std::string> {
        const auto company = find_company(database, yield, line.company);
        if (!company) return company;
        auto id = value_of(database.query(yield, "SELECT media.add_user($1, $2, $3) AS value",
                                          {*company, line.name, line.role}));
        if (!id && id.error().code == ErrorCode::conflict) {
          return fail(ErrorCode::conflict, "the company has a user '" + line.name + "' already");
        }
        return id;
      });
}

Result<std::string> make_token(const Config& config, const CommandLine& line) {
  const auto key = read_key_file(config.auth.jwt_key_file);
  if (!key) return key;
  if (key->size() < kMinJwtKeySize) {
    return fail(ErrorCode::invalid_argument,
                "key file " + config.auth.jwt_key_file + " holds fewer than 32 bytes");
  }
  return with_database(
      config, [&](db::Database& database, boost::asio::yield_context yield) -> Result<std::string> {
        const auto member = find_member(database, yield, line);
        if (!member) return std::unexpected(member.error());
        const auto clock = std::chrono::system_clock::now().time_since_epoch();
        const auto now = std::chrono::floor<std::chrono::seconds>(clock);
        Identity identity;
        identity.user = member->user;
        identity.companies = {member->company};
        identity.role = member->role;
        // Rounded up: the token is good for as long as was asked, not a second less.
        identity.expires_at = (std::chrono::ceil<std::chrono::seconds>(clock) + line.ttl).count();
        JwtPolicy policy;
        policy.audience = config.auth.audience;
        policy.issuer = config.auth.issuer;
        return sign_jwt_hs256(identity, as_bytes(*key), policy, now.count());
      });
}

}  // namespace media::ops
