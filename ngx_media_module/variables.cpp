#include "ngx_media_module/variables.hpp"

#include <array>

#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/identity/identity.hpp"
#include "ngx_media_module/s3/s3_passage.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

/// The caller, when the request's location has a session and the token is good.
/// Also before the access phase, for limit_req, map and the like.
const CallerIdentity* caller_of(ngx_http_request_t* r) {
  if (location_conf(r).policy.sessions == nullptr) return nullptr;
  RequestCtx& ctx = require_ctx(r);
  const CallerIdentity& caller = ctx.is_waiting ? ctx.caller : identify(r, ctx, Patience::none);
  const bool is_presumed = caller.state == TokenState::unknown && caller.is_presumed;
  return caller.state == TokenState::good || is_presumed ? &caller : nullptr;
}

template <ngx_str_t CallerIdentity::*Member>
std::optional<ngx_str_t> caller_member(ngx_http_request_t* r) {
  const auto* caller = caller_of(r);
  return caller == nullptr ? std::nullopt : std::optional(caller->*Member);
}

std::optional<ngx_str_t> media_id(ngx_http_request_t* r) {
  const auto* ctx = find_ctx(r);
  if (ctx == nullptr || ctx->subject.data == nullptr) return std::nullopt;
  return ctx->subject;
}

std::optional<ngx_str_t> decision(ngx_http_request_t* r) {
  const auto* ctx = find_ctx(r);
  if (ctx == nullptr || ctx->decision == Decision::undecided) return std::nullopt;
  return borrow(name_of(ctx->decision));
}

std::optional<ngx_str_t> source(ngx_http_request_t* r) {
  const auto* ctx = find_ctx(r);
  if (ctx == nullptr || ctx->source == AnswerSource::none) return std::nullopt;
  return borrow(name_of(ctx->source));
}

std::optional<ngx_str_t> store(ngx_http_request_t* r) {
  const auto* ctx = find_ctx(r);
  if (ctx == nullptr || ctx->record.store.empty()) return std::nullopt;
  return borrow(ctx->record.store);
}

/// Seconds with three decimals, like $request_time.
std::optional<ngx_str_t> lookup_time(ngx_http_request_t* r) {
  const auto* ctx = find_ctx(r);
  if (ctx == nullptr || !ctx->lookup_time) return std::nullopt;
  u_char* text = allocate_bytes(r->pool, NGX_TIME_T_LEN + 4);
  const auto milliseconds = static_cast<ngx_msec_int_t>(*ctx->lookup_time);
  u_char* end = ngx_sprintf(text, "%T.%03M", static_cast<time_t>(milliseconds / 1000),
                            static_cast<ngx_msec_t>(milliseconds % 1000));
  return ngx_str_t{static_cast<std::size_t>(end - text), text};
}

using Getter = std::optional<ngx_str_t> (*)(ngx_http_request_t*);

template <Getter Get>
ngx_int_t get_variable(ngx_http_request_t* r, ngx_http_variable_value_t* value,
                       uintptr_t) noexcept {
  return guard<ngx_int_t>(r->connection->log, NGX_ERROR, [&] {
    const auto text = Get(r);
    value->not_found = !text;
    value->valid = text.has_value();
    value->no_cacheable = 1;
    if (text) {
      value->len = static_cast<unsigned>(text->len);
      value->data = text->data;
    }
    return NGX_OK;
  });
}

struct Variable {
  std::string_view name;
  ngx_http_get_variable_pt getter;
  ngx_uint_t flags;
};

// $media_id is changeable, so that a location's regex may capture under that name.
constexpr std::array<Variable, 17> kVariables = {{
    {"media_user", get_variable<caller_member<&CallerIdentity::user>>, 0},
    {"media_company", get_variable<caller_member<&CallerIdentity::company>>, 0},
    {"media_companies", get_variable<caller_member<&CallerIdentity::companies>>, 0},
    {"media_role", get_variable<caller_member<&CallerIdentity::role>>, 0},
    {"media_id", get_variable<media_id>, NGX_HTTP_VAR_CHANGEABLE},
    {"media_decision", get_variable<decision>, 0},
    {"media_source", get_variable<source>, 0},
    {"media_store", get_variable<store>, 0},
    {"media_lookup_time", get_variable<lookup_time>, 0},
    {"media_s3_url", get_variable<s3_url>, 0},
    {"media_s3_uri", get_variable<s3_uri>, 0},
    {"media_s3_host", get_variable<s3_host>, 0},
    {"media_s3_date", get_variable<s3_date>, 0},
    {"media_s3_authorization", get_variable<s3_authorization>, 0},
    {"media_s3_token", get_variable<s3_token>, 0},
    {"media_s3_range", get_variable<s3_range>, 0},
    {"media_s3_version", get_variable<s3_version>, 0},
}};

ngx_int_t declare(ngx_conf_t* cf, const Variable& declared) {
  ngx_str_t name = borrow(declared.name);
  ngx_http_variable_t* variable =
      ngx_http_add_variable(cf, &name, declared.flags | NGX_HTTP_VAR_NOCACHEABLE);
  if (variable == nullptr) return NGX_ERROR;
  variable->get_handler = declared.getter;
  return NGX_OK;
}

}  // namespace

ngx_int_t add_variables(ngx_conf_t* cf) noexcept {
  for (const auto& declared : kVariables) {
    if (declare(cf, declared) != NGX_OK) return NGX_ERROR;
  }
  return NGX_OK;
}

ngx_int_t restore_variables(ngx_conf_t* cf) noexcept {
  for (const auto& declared : kVariables) {
    if (!(declared.flags & NGX_HTTP_VAR_CHANGEABLE)) continue;
    if (declare(cf, declared) != NGX_OK) return NGX_ERROR;
  }
  return NGX_OK;
}

}  // namespace media::nginx
