#include "core/jwt.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "core/crypto.hpp"
#include "core/json_object.hpp"

namespace media {
namespace {

/// Keys tried for a token that names none: each try costs a public-key operation.
constexpr int kMaxTries = 4;

struct Parts {
  std::string_view header;
  std::string_view payload;
  std::string_view signature;
  std::string_view signed_text;
};

std::optional<Parts> split(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  return Parts{token.substr(0, first), token.substr(first + 1, second - first - 1),
               token.substr(second + 1), token.substr(0, second)};
}

/// A base64url part that holds a JSON object.
Json parse_part(std::string_view part) {
  const auto bytes = base64_decode(part, Base64Alphabet::url, Base64Padding::none);
  return bytes ? parse_json_object(as_text(*bytes)) : nullptr;
}

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

struct Header {
  JwsAlgorithm algorithm;
  std::string key_id;
};

Result<Header> read_header(std::string_view part) {
  const Json header = parse_part(part);
  if (!header) return fail(ErrorCode::invalid_argument, "token header is not a JSON object");
  const auto algorithm = parse_jws_algorithm(string_member(header.get(), "alg").value_or(""));
  if (!algorithm) return fail(ErrorCode::unauthorized, "token algorithm is not a known one");
  if (json_object_get(header.get(), "crit") != nullptr) {
    return fail(ErrorCode::unauthorized, "token has critical header parameters");
  }
  return Header{*algorithm, std::string(string_member(header.get(), "kid").value_or(""))};
}

Result<void> check_signature(const Parts& parts, const Header& header, const JwsKeySet& keys) {
  const auto signature = base64_decode(parts.signature, Base64Alphabet::url, Base64Padding::none);
  if (!signature) return fail(ErrorCode::invalid_argument, "token signature is not base64url");
  int tries = 0;
  for (const JwsKey& key : keys) {
    const bool is_named =
        header.key_id.empty() || key.key_id().empty() || header.key_id == key.key_id();
    if (!is_named || !key.allows(header.algorithm)) continue;
    if (key.verify(header.algorithm, as_bytes(parts.signed_text), *signature)) return {};
    if (++tries == kMaxTries) break;
  }
  if (tries == 0) {
    return fail(ErrorCode::unauthorized, "no key for the token's algorithm and key id");
  }
  return fail(ErrorCode::unauthorized, "token signature does not match");
}

Result<std::int64_t> check_times(const json_t* claims, const JwtPolicy& policy, std::int64_t now) {
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

/// Claims become header values and log fields: no control characters in them.
Result<std::string> text_claim(const json_t* claims, const std::string& name, bool is_required) {
  constexpr std::size_t kMaxSize = 255;
  if (!is_required && json_object_get(claims, name.c_str()) == nullptr) return std::string();
  const auto value = string_member(claims, name.c_str());
  const bool is_clean =
      value && value->size() <= kMaxSize && std::none_of(value->begin(), value->end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
      });
  if (!is_clean || (is_required && value->empty())) {
    return fail(ErrorCode::unauthorized, "token claim \"" + name + "\" is missing or not usable");
  }
  return std::string(*value);
}

Result<Identity> read_identity(const json_t* claims, const JwtPolicy& policy) {
  Identity identity;
  struct Claim {
    std::string& target;
    const std::string& name;
    bool is_required;
  };
  for (const Claim& claim : {Claim{identity.user, policy.user_claim, true},
                             Claim{identity.company, policy.company_claim, true},
                             Claim{identity.role, policy.role_claim, false}}) {
    auto value = text_claim(claims, claim.name, claim.is_required);
    if (!value) return std::unexpected(std::move(value.error()));
    claim.target = std::move(*value);
  }
  return identity;
}

}  // namespace

Result<Identity> verify_jwt(std::string_view token, const JwsKeySet& keys, const JwtPolicy& policy,
                            std::int64_t now_unix_seconds) {
  if (token.size() > kMaxJwtSize) return fail(ErrorCode::invalid_argument, "token is too long");
  const auto parts = split(token);
  if (!parts) return fail(ErrorCode::invalid_argument, "token does not have three parts");
  const auto header = read_header(parts->header);
  if (!header) return std::unexpected(header.error());
  if (auto checked = check_signature(*parts, *header, keys); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const Json claims = parse_part(parts->payload);
  if (!claims) return fail(ErrorCode::invalid_argument, "token payload is not a JSON object");
  const auto expires_at = check_times(claims.get(), policy, now_unix_seconds);
  if (!expires_at) return std::unexpected(expires_at.error());
  if (!policy.audience.empty() && !names_audience(claims.get(), policy.audience)) {
    return fail(ErrorCode::unauthorized, "token is for another audience");
  }
  if (!policy.issuer.empty() && string_member(claims.get(), "iss") != policy.issuer) {
    return fail(ErrorCode::unauthorized, "token is from another issuer");
  }
  auto identity = read_identity(claims.get(), policy);
  if (identity) identity->expires_at = *expires_at;
  return identity;
}

Result<Identity> verify_jwt_hs256(std::string_view token, ByteView key, const JwtPolicy& policy,
                                  std::int64_t now_unix_seconds) {
  auto secret = JwsKey::from_secret(key, {JwsAlgorithm::hs256});
  if (!secret) return std::unexpected(std::move(secret.error()));
  return verify_jwt(token, {std::move(*secret)}, policy, now_unix_seconds);
}

std::string sign_jwt_hs256(const Identity& identity, ByteView key, const JwtPolicy& policy,
                           std::int64_t now_unix_seconds) {
  const Json claims(json_object());
  const auto set = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    json_object_set_new(claims.get(), name.c_str(), json_stringn(value.data(), value.size()));
  };
  set("iss", policy.issuer);
  set("aud", policy.audience);
  set(policy.user_claim, identity.user);
  set(policy.company_claim, identity.company);
  set(policy.role_claim, identity.role);
  json_object_set_new(claims.get(), "iat", json_integer(now_unix_seconds));
  json_object_set_new(claims.get(), "nbf", json_integer(now_unix_seconds));
  json_object_set_new(claims.get(), "exp", json_integer(identity.expires_at));
  const std::unique_ptr<char, decltype(&free)> payload(json_dumps(claims.get(), JSON_COMPACT),
                                                       &free);
  std::string token =
      base64_encode(as_bytes(R"({"alg":"HS256","typ":"JWT"})"), Base64Alphabet::url);
  token += '.' + base64_encode(as_bytes(payload.get()), Base64Alphabet::url);
  const Sha256Digest signature = hmac_sha256(key, as_bytes(token));
  return token += '.' + base64_encode(signature, Base64Alphabet::url);
}

}  // namespace media
