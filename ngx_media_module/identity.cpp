#include "ngx_media_module/identity.hpp"

#include <new>

#include "ngx_media_module/log.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// The token of the first source that has one.
std::optional<std::string_view> find_token(ngx_http_request_t* r, const TokenConf& tokens) {
  for (const auto& source : tokens.sources) {
    ngx_str_t value{};
    auto* expression = const_cast<ngx_http_complex_value_t*>(&source.value);
    if (ngx_http_complex_value(r, expression, &value) != NGX_OK) throw std::bad_alloc();
    if (const auto token = token_in(source.form, view(value))) return token;
  }
  return std::nullopt;
}

void refuse(ngx_http_request_t* r, CallerIdentity& caller, const Error& error) {
  caller.state = TokenState::bad;
  caller.is_expired = error.code == ErrorCode::expired;
  RequestLog(r).write(NGX_LOG_INFO, 0, "token refused: " + error.message);
}

void accept(ngx_http_request_t* r, CallerIdentity& caller, const Identity& identity) {
  caller.state = TokenState::good;
  caller.user = copy(r->pool, identity.user);
  caller.company = copy(r->pool, identity.company);
  caller.role = copy(r->pool, identity.role);
  caller.company_id = Uuid::parse(identity.company);
}

}  // namespace

const CallerIdentity& identify(ngx_http_request_t* r, RequestCtx& ctx) {
  const LocationConf& conf = location_conf(r);
  CallerIdentity& caller = ctx.caller;
  // After an internal redirect another location's policy may hold.
  if (caller.session == conf.session && caller.tokens == conf.tokens) return caller;
  caller = {};
  caller.session = conf.session;
  caller.tokens = conf.tokens;
  const auto token = find_token(r, *conf.tokens);
  if (!token) return caller;
  const auto identity = verify_jwt(*token, conf.session->keys, conf.session->policy, ngx_time());
  if (identity) {
    accept(r, caller, *identity);
  } else {
    refuse(r, caller, identity.error());
  }
  return caller;
}

}  // namespace media::nginx
