#include "core/claims.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/token_object.hpp"
#include "core/uuid.hpp"

namespace media {
namespace {

/// RFC 7519 NumericDate: seconds, possibly with a fraction. Clamped, so that a
/// hostile number cannot overflow the arithmetic on it; what no 64 bits hold is none.
std::optional<std::int64_t> date_of(const TokenObject& claims, std::string_view name) {
  constexpr double kFarFuture = 253402300800.0;  // year 10000
  constexpr double kLimit = 9223372036854775808.0;
  const auto seconds = claims.number(name);
  if (!seconds || *seconds < -kLimit || *seconds >= kLimit) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(*seconds, 0.0, kFarFuture));
}

bool names_audience(const TokenObject& claims, const std::string& audience) {
  const auto named = claims.texts("aud");
  return named && std::ranges::find(*named, audience) != named->end();
}

Result<std::int64_t> check_times(const TokenObject& claims, const ClaimPolicy& policy,
                                 std::int64_t now) {
  const auto expires_at = date_of(claims, "exp");
  if (!expires_at) return fail(ErrorCode::unauthorized, "token has no expiry");
  if (now >= *expires_at + policy.leeway_seconds) return fail(ErrorCode::expired, "token expired");
  for (const char* const name : {"nbf", "iat"}) {
    if (!claims.has(name)) continue;
    const auto from = date_of(claims, name);
    if (!from || now < *from - policy.leeway_seconds) {
      return fail(ErrorCode::unauthorized, std::string("token is not valid yet (") + name + ")");
    }
  }
  return *expires_at;
}

std::unexpected<Error> unusable_claim(const std::string& name) {
  return fail(ErrorCode::unauthorized, "token claim \"" + name + "\" is missing or not usable");
}

Result<std::string> text_claim(const TokenObject& claims, const std::string& name) {
  const auto value = claims.text(name);
  if (!value || !is_header_text(*value)) return unusable_claim(name);
  return std::string(*value);
}

bool read_companies(Identity& identity, const TokenObject& claims, const std::string& name) {
  const auto companies = claims.texts(name);
  return companies && !companies->empty() &&
         std::ranges::all_of(*companies, [&identity](const std::string& company) {
           return add_company(identity, company);
         });
}

Result<Identity> read_identity(const TokenObject& claims, const ClaimPolicy& policy) {
  Identity identity;
  auto user = text_claim(claims, policy.user_claim);
  if (!user) return std::unexpected(std::move(user.error()));
  if (user->empty()) return unusable_claim(policy.user_claim);
  identity.user = std::move(*user);
  if (claims.has(policy.role_claim)) {
    auto role = text_claim(claims, policy.role_claim);
    if (!role) return std::unexpected(std::move(role.error()));
    identity.role = std::move(*role);
  }
  if (!read_companies(identity, claims, policy.company_claim)) {
    return unusable_claim(policy.company_claim);
  }
  return identity;
}

}  // namespace

bool is_header_text(std::string_view text) {
  constexpr std::size_t kMaxSize = 255;
  return text.size() <= kMaxSize &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

bool add_company(Identity& identity, std::string_view company) {
  if (company.empty() || company.find(',') != std::string_view::npos || !is_header_text(company) ||
      identity.companies.size() == kMaxCompanies) {
    return false;
  }
  const auto uuid = Uuid::parse(company);
  identity.companies.push_back(uuid ? uuid->to_string() : std::string(company));
  return true;
}

Result<Identity> identity_of_claims(const TokenObject& claims, const ClaimPolicy& policy,
                                    std::int64_t now_unix_seconds) {
  const auto expires_at = check_times(claims, policy, now_unix_seconds);
  if (!expires_at) return std::unexpected(expires_at.error());
  if (!policy.audience.empty() && !names_audience(claims, policy.audience)) {
    return fail(ErrorCode::unauthorized, "token is for another audience");
  }
  if (!policy.issuer.empty() && claims.text("iss") != policy.issuer) {
    return fail(ErrorCode::unauthorized, "token is from another issuer");
  }
  auto identity = read_identity(claims, policy);
  if (!identity) return identity;
  identity->expires_at = *expires_at;
  identity->issued_at = date_of(claims, "iat").value_or(0);
  return identity;
}

}  // namespace media
