#include "core/claims.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "core/json_object.hpp"
#include "core/uuid.hpp"

namespace media {
namespace {

/// RFC 7519 NumericDate: seconds, possibly with a fraction. Clamped, so that a
/// hostile number cannot overflow the arithmetic on it.
std::optional<std::int64_t> date_member(const json_t* object, const char* name) {
  const json_t* const value = json_object_get(object, name);
  if (!json_is_number(value)) return std::nullopt;
  constexpr double kFarFuture = 253402300800.0;  // year 10000
  const double seconds = json_number_value(value);
  if (std::isnan(seconds)) return std::nullopt;
  return static_cast<std::int64_t>(std::clamp(seconds, 0.0, kFarFuture));
}

bool names_audience(const json_t* claims, std::string_view audience) {
  const json_t* const aud = json_object_get(claims, "aud");
  const auto is_ours = [&](const json_t* value) {
    return json_is_string(value) &&
           std::string_view(json_string_value(value), json_string_length(value)) == audience;
  };
  if (!json_is_array(aud)) return is_ours(aud);
  for (std::size_t i = 0; i < json_array_size(aud); ++i) {
    if (is_ours(json_array_get(aud, i))) return true;
  }
  return false;
}

Result<std::int64_t> check_times(const json_t* claims, const ClaimPolicy& policy,
                                 std::int64_t now) {
  const auto expires_at = date_member(claims, "exp");
  if (!expires_at) return fail(ErrorCode::unauthorized, "token has no expiry");
  if (now >= *expires_at + policy.leeway_seconds) return fail(ErrorCode::expired, "token expired");
  for (const char* const name : {"nbf", "iat"}) {
    if (json_object_get(claims, name) == nullptr) continue;
    const auto from = date_member(claims, name);
    if (!from || now < *from - policy.leeway_seconds) {
      return fail(ErrorCode::unauthorized, std::string("token is not valid yet (") + name + ")");
    }
  }
  return *expires_at;
}

std::unexpected<Error> unusable_claim(const std::string& name) {
  return fail(ErrorCode::unauthorized, "token claim \"" + name + "\" is missing or not usable");
}

Result<std::string> text_claim(const json_t* claims, const std::string& name) {
  const auto value = string_member(claims, name.c_str());
  if (!value || !is_header_text(*value)) return unusable_claim(name);
  return std::string(*value);
}

bool add_company_claim(Identity& identity, const json_t* value) {
  return json_is_string(value) &&
         add_company(identity, {json_string_value(value), json_string_length(value)});
}

bool read_companies(Identity& identity, const json_t* value) {
  if (!json_is_array(value)) return add_company_claim(identity, value);
  for (std::size_t i = 0; i < json_array_size(value); ++i) {
    if (!add_company_claim(identity, json_array_get(value, i))) return false;
  }
  return !identity.companies.empty();
}

Result<Identity> read_identity(const json_t* claims, const ClaimPolicy& policy) {
  Identity identity;
  auto user = text_claim(claims, policy.user_claim);
  if (!user) return std::unexpected(std::move(user.error()));
  if (user->empty()) return unusable_claim(policy.user_claim);
  identity.user = std::move(*user);
  if (json_object_get(claims, policy.role_claim.c_str()) != nullptr) {
    auto role = text_claim(claims, policy.role_claim);
    if (!role) return std::unexpected(std::move(role.error()));
    identity.role = std::move(*role);
  }
  if (!read_companies(identity, json_object_get(claims, policy.company_claim.c_str()))) {
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

Result<Identity> identity_of_claims(const json_t* claims, const ClaimPolicy& policy,
                                    std::int64_t now_unix_seconds) {
  const auto expires_at = check_times(claims, policy, now_unix_seconds);
  if (!expires_at) return std::unexpected(expires_at.error());
  if (!policy.audience.empty() && !names_audience(claims, policy.audience)) {
    return fail(ErrorCode::unauthorized, "token is for another audience");
  }
  if (!policy.issuer.empty() && string_member(claims, "iss") != policy.issuer) {
    return fail(ErrorCode::unauthorized, "token is from another issuer");
  }
  auto identity = read_identity(claims, policy);
  if (!identity) return identity;
  identity->expires_at = *expires_at;
  identity->issued_at = date_member(claims, "iat").value_or(0);
  return identity;
}

}  // namespace media
