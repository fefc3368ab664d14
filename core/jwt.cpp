#include "core/jwt.hpp"

#include <memory>
#include <optional>

#include "core/json_object.hpp"
#include "core/token_object.hpp"

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

std::optional<Bytes> decode(std::string_view part) {
  return base64_decode(part, Base64Alphabet::url, Base64Padding::none);
}

struct Header {
  JwsAlgorithm algorithm;
  std::string key_id;
};

Result<Header> read_header(std::string_view part) {
  const auto bytes = decode(part);
  const auto header = bytes ? TokenObject::parse(as_text(*bytes)) : std::nullopt;
  if (!header) return fail(ErrorCode::invalid_argument, "token header is not a JSON object");
  const auto algorithm = parse_jws_algorithm(header->text("alg").value_or(""));
  if (!algorithm) return fail(ErrorCode::unauthorized, "token algorithm is not a known one");
  if (header->has("crit")) {
    return fail(ErrorCode::unauthorized, "token has critical header parameters");
  }
  return Header{*algorithm, std::string(header->text("kid").value_or(""))};
}

Result<void> check_signature(const Parts& parts, const Header& header, const JwsKeySet& keys) {
  const auto signature = decode(parts.signature);
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

}  // namespace

Result<Identity> verify_jwt(std::string_view token, const JwsKeySet& keys,
                            const ClaimPolicy& policy, std::int64_t now_unix_seconds) {
  if (token.size() > kMaxJwtSize) return fail(ErrorCode::invalid_argument, "token is too long");
  const auto parts = split(token);
  if (!parts) return fail(ErrorCode::invalid_argument, "token does not have three parts");
  const auto header = read_header(parts->header);
  if (!header) return std::unexpected(header.error());
  if (auto checked = check_signature(*parts, *header, keys); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const auto payload = decode(parts->payload);
  const auto claims = payload ? TokenObject::parse(as_text(*payload)) : std::nullopt;
  if (!claims) return fail(ErrorCode::invalid_argument, "token payload is not a JSON object");
  return identity_of_claims(*claims, policy, now_unix_seconds);
}

Result<Identity> verify_jwt_hs256(std::string_view token, ByteView key, const ClaimPolicy& policy,
                                  std::int64_t now_unix_seconds) {
  auto secret = JwsKey::from_secret(key, {JwsAlgorithm::hs256});
  if (!secret) return std::unexpected(std::move(secret.error()));
  return verify_jwt(token, {std::move(*secret)}, policy, now_unix_seconds);
}

Sha256Digest revocation_digest(std::string_view token) {
  const auto parts = split(token);
  return sha256(as_bytes(parts ? parts->signed_text : token));
}

std::string sign_jwt_hs256(const Identity& identity, ByteView key, const ClaimPolicy& policy,
                           std::int64_t now_unix_seconds) {
  const Json claims(json_object());
  const auto set = [&](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    json_object_set_new(claims.get(), name.c_str(), json_stringn(value.data(), value.size()));
  };
  const auto set_array = [&](const std::string& name, const std::vector<std::string>& values) {
    json_t* const array = json_array();
    for (const auto& value : values) {
      json_array_append_new(array, json_stringn(value.data(), value.size()));
    }
    json_object_set_new(claims.get(), name.c_str(), array);
  };
  set("iss", policy.issuer);
  set("aud", policy.audience);
  set(policy.user_claim, identity.user);
  // One company stays a plain string, which is what most readers expect.
  if (identity.companies.size() == 1) set(policy.company_claim, identity.companies.front());
  if (identity.companies.size() > 1) set_array(policy.company_claim, identity.companies);
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
