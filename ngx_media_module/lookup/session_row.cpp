#include "ngx_media_module/lookup/session_row.hpp"

#include <algorithm>
#include <limits>

namespace media::nginx {
namespace {

std::unexpected<Error> bad_column(std::string_view name) {
  return fail(ErrorCode::internal, "the session lookup returned an unusable " + std::string(name));
}

/// As of a user who has left his last company, or was never in one.
bool has_no_company(const Row& row) {
  if (row.find("companies") == nullptr) return row.has("companies");
  const auto companies = ids_of(*row.find("companies"));
  return companies && companies->empty();
}

bool read_companies(const Row& row, Identity& identity) {
  const Column* const column = row.find("companies");
  const auto companies = column == nullptr ? std::nullopt : ids_of(*column);
  return companies && std::ranges::all_of(*companies, [&](const std::string& company) {
           return add_company(identity, company);
         });
}

}  // namespace

Result<Identity> parse_session(const Row& row) {
  Identity identity;
  const Column* const user = row.find("user_id");
  if (user != nullptr) identity.user = id_of(*user);
  if (identity.user.empty() || !is_header_text(identity.user)) return bad_column("user_id");
  if (has_no_company(row)) return fail(ErrorCode::unauthorized, "the user has no company");
  if (!read_companies(row, identity)) return bad_column("companies");
  if (const Column* const role = row.find("role")) identity.role = id_of(*role);
  if (!is_header_text(identity.role)) return bad_column("role");
  identity.expires_at = std::numeric_limits<std::int64_t>::max();
  if (const Column* const expiry = row.find("expires_at")) {
    const auto seconds = unix_seconds_of(*expiry);
    if (!seconds) return bad_column("expires_at");
    identity.expires_at = *seconds;
  }
  return identity;
}

bool parse_is_revoked(const Row& row) {
  const Column* const column = row.find("revoked");
  return column == nullptr || column->bytes != std::string_view("\0", 1);
}

}  // namespace media::nginx
