#include "ngx_media_module/access.hpp"

#include "ngx_media_module/answer/headers.hpp"
#include "ngx_media_module/answer/response_policy.hpp"
#include "ngx_media_module/await.hpp"
#include "ngx_media_module/cache/cache_record.hpp"
#include "ngx_media_module/identity/identity.hpp"
#include "ngx_media_module/identity/link.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

void keep_record(RequestCtx& ctx, const MediaRecord& record) {
  ctx.record = record;
  // Of several companies, the request is about the one whose media this is.
  if (names_company(view(ctx.caller.companies), record.company)) {
    ctx.caller.company = borrow(record.company);
  }
}

Rights rights_of(const RequestCtx& ctx) {
  Rights rights{.is_linked = ctx.link == LinkState::good,
                .sees_public = ctx.policy->require.is_public};
  const bool is_known = ctx.policy->require.session && ctx.caller.state == TokenState::good;
  if (is_known) rights.companies = view(ctx.caller.companies);
  return rights;
}

/// Nothing opens the location: what to tell a caller.
Decision decision_without_rights(const RequestCtx& ctx) {
  if (ctx.link == LinkState::bad) return Decision::bad_link;
  if (ctx.link == LinkState::unavailable) return Decision::unavailable;
  if (!ctx.policy->require.session) {
    return ctx.policy->require.link ? Decision::no_link : Decision::other_company;
  }
  switch (ctx.caller.state) {
    case TokenState::bad:
      return Decision::bad_token;
    case TokenState::unavailable:
      return Decision::unavailable;
    default:
      return Decision::no_token;
  }
}

bool has_session_or_link(const RequestCtx& ctx) {
  return ctx.link == LinkState::good ||
         (ctx.policy->require.session && ctx.caller.state == TokenState::good);
}

Decision decide_found(RequestCtx& ctx, std::span<const std::byte> bytes) {
  // The bytes are the cache's; the request needs its own.
  const auto record = read_record(copy(ctx.request->pool, bytes));
  if (!record) return Decision::broken;
  const Decision decision = decide(*record, rights_of(ctx));
  if (decision == Decision::granted || decision == Decision::pending) keep_record(ctx, *record);
  // A stranger may see what is public; to see more, he has to say who he is.
  if (decision == Decision::other_company && !has_session_or_link(ctx)) {
    return decision_without_rights(ctx);
  }
  return decision;
}

Decision decide_answer(RequestCtx& ctx, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::found:
      return decide_found(ctx, answer.bytes);
    case Answer::Kind::absent:
      return has_session_or_link(ctx) ? Decision::absent : decision_without_rights(ctx);
    case Answer::Kind::broken:
      return Decision::broken;
    case Answer::Kind::unavailable:
      break;
  }
  return Decision::unavailable;
}

void take_record(RequestCtx& ctx, const Answer& answer) {
  ctx.decision = decide_answer(ctx, answer);
}

std::optional<Question> question_of(const RequestCtx& ctx, const LocationConf& conf) {
  const Statement& statement = *conf.policy.statement;
  const auto subject = view(ctx.subject);
  const auto rendition = view(ctx.rendition);
  const bool is_ours = !conf.query && conf.media_by != MediaBy::key;
  const auto uuid = is_ours ? Uuid::parse(subject) : std::nullopt;
  if (is_ours && !uuid) return std::nullopt;
  if (uuid && conf.media_by == MediaBy::id) return ask_about_uuid(statement, *uuid);
  const std::string id = uuid ? uuid->to_string() : std::string(subject);
  if (!is_askable(id) || (statement.parameters == 2 && !is_askable(rendition))) return std::nullopt;
  return ask_about_text(statement, id, id, statement.parameters == 2 ? rendition : "");
}

/// The cached answer about a media id of ours, found without putting the question.
std::optional<Answer> recall_media(RequestCtx& ctx, const LocationConf& conf) {
  if (conf.query || conf.media_by != MediaBy::id) return std::nullopt;
  const auto id = Uuid::parse(view(ctx.subject));
  if (!id) return std::nullopt;
  const Statement& statement = *conf.policy.statement;
  return recall(ctx, statement.part, key_of_uuid(statement, *id), Patience::wait);
}

/// Lets the caller's session and link be found out. False when the request waits.
bool find_rights(ngx_http_request_t* r, RequestCtx& ctx) {
  const Requirements& require = ctx.policy->require;
  if (require.link && ctx.link == LinkState::unknown) {
    ctx.link = check_link(r, ctx, Patience::wait);
    if (ctx.is_waiting) return false;
  }
  if (ctx.link == LinkState::good || !require.session) return true;
  return identify(r, ctx, Patience::wait).state != TokenState::unknown;
}

bool is_readable_method(const ngx_http_request_t* r) {
  return (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
}

ngx_str_t value_of(ngx_http_request_t* r, ngx_http_complex_value_t& expression) {
  ngx_str_t value{};
  if (ngx_http_complex_value(r, &expression, &value) != NGX_OK) throw std::bad_alloc();
  return value;
}

/// What `media` without an id serves: what follows the prefix of the location.
ngx_str_t rest_of_uri(ngx_http_request_t* r) {
  const auto& core = *static_cast<ngx_http_core_loc_conf_t*>(
      ngx_http_get_module_loc_conf(r, ngx_http_core_module));
  // `rewrite ... break` may have taken the URI elsewhere.
  const bool is_below = view(r->uri).starts_with(view(core.name));
  return borrow(is_below ? view(r->uri).substr(core.name.len) : std::string_view(""));
}

/// After an internal redirect, a decision counts for the same question only.
void begin_media(ngx_http_request_t* r, RequestCtx& ctx, const LocationConf& conf) {
  const ngx_str_t subject = conf.subject == nullptr ? rest_of_uri(r) : value_of(r, *conf.subject);
  const ngx_str_t rendition =
      conf.rendition == nullptr ? ngx_str_t{} : value_of(r, *conf.rendition);
  ctx.passage = nullptr;
  const bool is_same = ctx.policy != nullptr && *ctx.policy == conf.policy &&
                       ctx.subject.data != nullptr && view(ctx.subject) == view(subject) &&
                       view(ctx.rendition) == view(rendition);
  if (is_same) return;
  ctx.policy = &conf.policy;
  ctx.subject = subject;
  ctx.rendition = rendition;
  ctx.decision = Decision::undecided;
  ctx.link = LinkState::unknown;
  ctx.record = {};
}

/// Undecided while the request waits.
Decision decide_media(ngx_http_request_t* r, RequestCtx& ctx, const LocationConf& conf) {
  if (ctx.decision != Decision::undecided) return ctx.decision;
  if (!find_rights(r, ctx)) return Decision::undecided;
  if (!has_session_or_link(ctx) && !ctx.policy->require.is_public) {
    return decision_without_rights(ctx);
  }
  if (!is_readable_method(r)) return Decision::bad_method;
  if (const auto answer = recall_media(ctx, conf)) return decide_answer(ctx, *answer);
  const auto question = question_of(ctx, conf);
  if (!question) {
    return has_session_or_link(ctx) ? Decision::bad_id : decision_without_rights(ctx);
  }
  const auto answer = ask_for(ctx, *question, take_record);
  return answer ? decide_answer(ctx, *answer) : Decision::undecided;
}

Decision decide_authorized(ngx_http_request_t* r, RequestCtx& ctx, const LocationConf& conf) {
  if (ctx.policy != &conf.policy) ctx.link = LinkState::unknown;
  ctx.policy = &conf.policy;
  ctx.subject = {};
  if (!find_rights(r, ctx)) return Decision::undecided;
  return has_session_or_link(ctx) ? Decision::granted : decision_without_rights(ctx);
}

/// As in nginx's static module, a method is refused after all access rules.
bool is_for_content(Decision decision) {
  return decision == Decision::granted || decision == Decision::pending ||
         decision == Decision::bad_method;
}

/// RFC 6750 section 3: without a token no error is named.
std::string_view challenge_of(const CallerIdentity& caller) {
  if (caller.state != TokenState::bad) return "Bearer";
  if (!caller.is_expired) return R"(Bearer error="invalid_token")";
  return R"(Bearer error="invalid_token", error_description="The token has expired")";
}

}  // namespace

ngx_int_t access_handler(ngx_http_request_t* r) {
  const LocationConf& conf = location_conf(r);
  if (!conf.is_guarded()) return NGX_DECLINED;
  RequestCtx& ctx = require_ctx(r);
  if (ctx.is_waiting) return NGX_AGAIN;
  if (conf.is_media()) {
    begin_media(r, ctx, conf);
    ctx.decision = decide_media(r, ctx, conf);
  } else {
    ctx.decision = decide_authorized(r, ctx, conf);
  }
  if (ctx.is_waiting) return NGX_AGAIN;
  worker_stats().add(ctx.decision);
  const bool may_pass =
      conf.is_media() ? is_for_content(ctx.decision) : ctx.decision == Decision::granted;
  return may_pass ? NGX_OK : refuse_request(r, ctx);
}

ngx_int_t refuse_request(ngx_http_request_t* r, RequestCtx& ctx) {
  const int status = status_of(ctx.decision);
  add_safety_headers(r, ctx, {}, "no-store");
  if (status == NGX_HTTP_UNAUTHORIZED) {
    r->headers_out.www_authenticate = add_header(r, "WWW-Authenticate", challenge_of(ctx.caller));
  }
  if (status == NGX_HTTP_SERVICE_UNAVAILABLE) add_header(r, "Retry-After", kRetryAfterSeconds);
  return status;
}

}  // namespace media::nginx
