#include "ngx_media_module/session_directive.hpp"

#include <array>

#include "core/crypto.hpp"
#include "ngx_media_module/directive_arguments.hpp"
#include "ngx_media_module/identity/key_file.hpp"

namespace media::nginx {
namespace {

constexpr const char* kLookupSession =
    "SELECT user_id, companies, role, expires_at FROM media.lookup_session($1)";

using Parameters = std::span<ngx_str_t>;

std::string text_of(Parameters parameters) {
  std::string text;
  for (const auto& parameter : parameters) text.append(view(parameter)).append("\n");
  return text;
}

Session* make_session(ngx_conf_t* cf) {
  auto* session = make_in_pool<Session>(cf->pool);
  session->text = text_of(arguments_of(cf).subspan(1));
  session->fingerprint = fingerprint_of(session->text);
  return session;
}

/// What was verified with other keys is not taken for verified with these.
void update_fingerprint(Session& session, ByteView keys) {
  session.fingerprint = fingerprint_of(session.text + hex_encode(sha256(keys)));
}

bool set_leeway(ngx_str_t value, ClaimPolicy& policy) {
  const ngx_int_t seconds = ngx_parse_time(&value, 1);
  if (seconds < 0) return false;
  policy.leeway_seconds = seconds;
  return true;
}

bool set_claim_parameter(const ngx_str_t& parameter, ClaimPolicy& policy) {
  struct TextParameter {
    std::string_view name;
    std::string ClaimPolicy::*member;
  };
  static constexpr std::array<TextParameter, 5> kTexts = {
      {{"audience", &ClaimPolicy::audience},
       {"issuer", &ClaimPolicy::issuer},
       {"user_claim", &ClaimPolicy::user_claim},
       {"company_claim", &ClaimPolicy::company_claim},
       {"role_claim", &ClaimPolicy::role_claim}}};
  for (const auto& text : kTexts) {
    const auto value = value_of(parameter, text.name);
    if (!value) continue;
    policy.*text.member = view(*value);
    return value->len > 0;
  }
  const auto value = value_of(parameter, "leeway");
  return value && set_leeway(*value, policy);
}

bool set_revocable(const ngx_str_t& parameter, Session& session) {
  const auto value = value_of(parameter, "revocable");
  if (!value || (view(*value) != "on" && view(*value) != "off")) return false;
  session.is_revocable = view(*value) == "on";
  return true;
}

constexpr const char* kAlgorithms =
    "alg= with some of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
    "ES384, "
    "ES512 and EdDSA, separated by commas";

std::optional<std::vector<JwsAlgorithm>> parse_algorithms(std::string_view list) {
  std::vector<JwsAlgorithm> algorithms;
  while (!list.empty()) {
    const auto name = list.substr(0, list.find(','));
    const auto algorithm = parse_jws_algorithm(name);
    if (!algorithm) return std::nullopt;
    algorithms.push_back(*algorithm);
    list.remove_prefix(std::min(list.size(), name.size() + 1));
  }
  return algorithms.empty() ? std::nullopt : std::optional(algorithms);
}

/// Where the keys of `media_session jwt` come from.
struct JwtKeys {
  std::string file;
  bool is_set = false;  ///< a JWK set
  std::vector<JwsAlgorithm> algorithms;
  std::string key_id;

  Result<JwsKeySet> read(ByteView content) const {
    if (is_set) return parse_jwks(as_text(content));
    auto key = read_key(content);
    if (!key) return std::unexpected(std::move(key.error()));
    return JwsKeySet{std::move(*key)};
  }

 private:
  Result<JwsKey> read_key(ByteView content) const {
    const bool is_pem = as_text(content).find("-----BEGIN ") != std::string_view::npos;
    if (is_pem) return JwsKey::from_pem(as_text(content), algorithms, key_id);
    const auto secret = secret_of(content, kMinJwtKeySize);
    if (!secret) return std::unexpected(secret.error());
    const auto pinned = algorithms.empty() ? std::vector{JwsAlgorithm::hs256} : algorithms;
    return JwsKey::from_secret(*secret, pinned, key_id);
  }
};

bool set_key_parameter(const ngx_str_t& parameter, JwtKeys& keys) {
  const auto file = value_of(parameter, "key_file");
  const auto set = value_of(parameter, "jwks_file");
  if (file || set) {
    keys.is_set = set.has_value();
    keys.file = view(file ? *file : *set);
    return !keys.file.empty();
  }
  if (const auto value = value_of(parameter, "alg")) {
    const auto algorithms = parse_algorithms(view(*value));
    if (algorithms) keys.algorithms = *algorithms;
    return algorithms.has_value();
  }
  if (const auto value = value_of(parameter, "kid")) {
    keys.key_id = view(*value);
    return value->len > 0;
  }
  return false;
}

char* set_jwt_parameter(ngx_conf_t* cf, const ngx_str_t& parameter, Session& session, JwtKeys& keys,
                        ClaimPolicy& policy) {
  const bool is_file = value_of(parameter, "key_file") || value_of(parameter, "jwks_file");
  if (is_file && !keys.file.empty()) {
    return bad_parameter(cf, parameter,
                         "one file; further keys are in a \"media_session\" of their own");
  }
  if (set_key_parameter(parameter, keys) || set_claim_parameter(parameter, policy) ||
      set_revocable(parameter, session)) {
    return NGX_CONF_OK;
  }
  if (value_of(parameter, "alg")) return bad_parameter(cf, parameter, kAlgorithms);
  return bad_parameter(cf, parameter);
}

char* set_jwt(ngx_conf_t* cf, Session& session, Parameters parameters) {
  JwtKeys keys;
  JwtSession jwt;
  for (const auto& parameter : parameters) {
    if (char* error = set_jwt_parameter(cf, parameter, session, keys, jwt.policy);
        error != NGX_CONF_OK) {
      return error;
    }
  }
  if (keys.file.empty()) {
    return conf_error(cf, "\"media_session jwt\" needs \"key_file=\" or \"jwks_file=\"");
  }
  if (keys.is_set && !(keys.algorithms.empty() && keys.key_id.empty())) {
    return conf_error(cf, "\"alg=\" and \"kid=\" are in the keys of a \"jwks_file=\" themselves");
  }
  session.method = std::move(jwt);
  return watch_file(cf, keys.file, [&session, keys](ByteView content) -> Result<void> {
    auto read = keys.read(content);
    if (!read) return std::unexpected(std::move(read.error()));
    std::get<JwtSession>(session.method).keys = std::move(*read);
    update_fingerprint(session, content);
    return {};
  });
}

char* set_database_session(ngx_conf_t* cf, Session& session, Parameters parameters) {
  Statement statement{.sql = kLookupSession,
                      .encode = encode_session,
                      .part = CachePart::identities,
                      .name = "media.lookup_session()"};
  DatabaseSession database;
  for (const auto& parameter : parameters) {
    if (const auto query = value_of(parameter, "query")) {
      statement.sql = view(*query);
      statement.name = "media_session database query";
      if (count_parameters(statement.sql) != 1) {
        return conf_error(cf, "\"query=\" of \"media_session database\" must use $1, and only it");
      }
    } else if (const auto token = value_of(parameter, "token")) {
      database.asks_by_token = view(*token) == "plain";
      if (!database.asks_by_token && view(*token) != "sha256") {
        return bad_parameter(cf, parameter, "token=sha256 or token=plain");
      }
    } else {
      return bad_parameter(cf, parameter);
    }
  }
  database.statement = main_conf(cf).use_statement(cf->pool, std::move(statement));
  session.method = database;
  return NGX_CONF_OK;
}

/// `media_session nextauth`, before the secret is read.
struct NextAuthOptions {
  std::string secret_file;
  std::string cookie;
  int version = 0;  ///< 0: either

  /// The cookies that the versions use, over TLS and without.
  std::vector<NextAuthSession::Cookie> cookies(std::string_view secret) const {
    std::vector<NextAuthSession::Cookie> result;
    const auto add = [&](std::string_view name) {
      auto& added = result.emplace_back(std::string(name), std::vector<NextAuthKey>{});
      if (version != 5) added.keys.push_back(NextAuthKey::v4(secret));
      if (version != 4) added.keys.push_back(NextAuthKey::v5(secret, name));
    };
    if (!cookie.empty()) {
      add(cookie);
      return result;
    }
    for (const std::string_view prefix : {"__Secure-", ""}) {
      if (version != 5) add(std::string(prefix) + "next-auth.session-token");
      if (version != 4) add(std::string(prefix) + "authjs.session-token");
    }
    return result;
  }
};

bool set_next_auth_parameter(const ngx_str_t& parameter, NextAuthOptions& options) {
  if (const auto value = value_of(parameter, "secret_file")) {
    options.secret_file = view(*value);
    return value->len > 0;
  }
  if (const auto value = value_of(parameter, "cookie")) {
    options.cookie = view(*value);
    return value->len > 0;
  }
  const auto value = value_of(parameter, "version");
  if (!value || (view(*value) != "4" && view(*value) != "5")) return false;
  options.version = view(*value) == "4" ? 4 : 5;
  return true;
}

char* set_next_auth(ngx_conf_t* cf, Session& session, Parameters parameters) {
  NextAuthOptions options;
  // Auth.js knows no companies: the site's own callback puts them into the token.
  NextAuthSession next_auth;
  for (const auto& parameter : parameters) {
    if (!set_next_auth_parameter(parameter, options) &&
        !set_claim_parameter(parameter, next_auth.policy) && !set_revocable(parameter, session)) {
      return bad_parameter(cf, parameter);
    }
  }
  if (options.secret_file.empty()) {
    return conf_error(cf, "\"media_session nextauth\" needs \"secret_file=\"");
  }
  session.method = std::move(next_auth);
  return watch_file(cf, options.secret_file, [&session, options](ByteView content) -> Result<void> {
    constexpr std::size_t kMinSecretBytes = 16;
    const auto secret = secret_of(content, kMinSecretBytes);
    if (!secret) return std::unexpected(secret.error());
    std::get<NextAuthSession>(session.method).cookies = options.cookies(as_text(*secret));
    update_fingerprint(session, content);
    return {};
  });
}

char* set_request(ngx_conf_t* cf, Session& session, Parameters parameters) {
  RequestSession request;
  if (parameters.empty() || !view(parameters[0]).starts_with('/')) {
    return conf_error(cf, "\"media_session request\" needs a URI that begins with \"/\"");
  }
  request.uri = parameters[0];
  for (const auto& parameter : parameters.subspan(1)) {
    if (const auto key = value_of(parameter, "key")) {
      if (!view(*key).starts_with('$')) {
        return bad_parameter(cf, parameter, "key= with a variable, such as key=$cookie_sid");
      }
      request.key.push_back(compile_value(cf, *key));
      request.key_texts.emplace_back(view(*key));
    } else if (const auto valid = value_of(parameter, "valid")) {
      if (!set_milliseconds(*valid, 1, request.valid)) return bad_parameter(cf, parameter);
    } else {
      return bad_parameter(cf, parameter);
    }
  }
  if (request.key.empty()) {
    ngx_str_t authorization = ngx_string("$http_authorization");
    ngx_str_t cookies = ngx_string("$http_cookie");
    request.key = {compile_value(cf, authorization), compile_value(cf, cookies)};
  }
  session.method = std::move(request);
  return NGX_CONF_OK;
}

}  // namespace

char* set_session(ngx_conf_t* cf, ngx_command_t*, void* conf) {
  auto& location = *static_cast<LocationConf*>(conf);
  const auto arguments = arguments_of(cf);
  const auto kind = view(arguments[1]);
  if (location.has_sessions_off) return const_cast<char*>("is already \"off\" here");
  if (kind == "off") {
    if (arguments.size() > 2) return bad_parameter(cf, arguments[2]);
    if (location.sessions != nullptr) return const_cast<char*>("is \"off\" after others");
    location.has_sessions_off = true;
    return NGX_CONF_OK;
  }
  if (location.sessions == nullptr) location.sessions = make_in_pool<SessionChain>(cf->pool);
  Session* session = make_session(cf);
  location.sessions->sessions.push_back(session);
  const auto parameters = arguments.subspan(2);
  if (kind == "jwt") return set_jwt(cf, *session, parameters);
  if (kind == "database") return set_database_session(cf, *session, parameters);
  if (kind == "nextauth") return set_next_auth(cf, *session, parameters);
  if (kind == "request") return set_request(cf, *session, parameters);
  return bad_parameter(cf, arguments[1],
                       "\"jwt\", \"database\", \"nextauth\", \"request\" or \"off\"");
}

}  // namespace media::nginx
