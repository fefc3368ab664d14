#include "ngx_media_module/access.hpp"

#include "core/media_type.hpp"
#include "ngx_media_module/compat.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/headers.hpp"
#include "ngx_media_module/identity.hpp"
#include "ngx_media_module/response_policy.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

Decision decision_without_identity(const CallerIdentity& caller) {
  return caller.state == TokenState::none ? Decision::no_token : Decision::bad_token;
}

/// The record's texts live in a database result; the request needs its own.
void keep_record(RequestCtx& ctx, const MediaRecord& record) {
  ngx_pool_t* pool = ctx.request->pool;
  ctx.record = record;
  for (auto* text :
       {&ctx.record.store, &ctx.record.storage_key, &ctx.record.mime_type, &ctx.record.file_name}) {
    *text = view(copy(pool, *text));
  }
}

Decision decide_answer(RequestCtx& ctx, const LookupAnswer& answer) {
  switch (answer.kind) {
    case LookupAnswer::Kind::absent:
      return Decision::absent;
    case LookupAnswer::Kind::broken:
      return Decision::broken;
    case LookupAnswer::Kind::unavailable:
      return Decision::unavailable;
    case LookupAnswer::Kind::found:
      break;
  }
  const Decision decision = decide(*answer.record, ctx.caller.company_id);
  if (decision == Decision::granted || decision == Decision::pending) {
    keep_record(ctx, *answer.record);
  }
  return decision;
}

void stop_waiting(RequestCtx& ctx) {
  ctx.is_waiting = false;
  ctx.lookup_time = ngx_current_msec - ctx.lookup_started;
}

/// The answer is there: lets the request run on from the access phase.
void on_answer(LookupWaiter& waiter, const LookupAnswer& answer) {
  auto& ctx = static_cast<RequestCtx&>(waiter);
  ngx_http_request_t* r = ctx.request;
  ngx_connection_t* c = r->connection;
  ngx_http_set_log_request(c->log, r);
  stop_waiting(ctx);
  ctx.decision =
      guard<Decision>(c->log, Decision::broken, [&] { return decide_answer(ctx, answer); });
  r->read_event_handler = ngx_http_block_reading;
  r->write_event_handler(r);
  ngx_http_run_posted_requests(c);
}

/// nginx runs this when it gives the request up, which can be long before its
/// pool goes.
void leave_on_exit(ngx_http_request_t* r, RequestCtx& ctx) {
  if (ctx.has_exit_hook) return;
  ngx_http_cleanup_t* cleanup = ngx_http_cleanup_add(r, 0);
  if (cleanup == nullptr) throw std::bad_alloc();
  cleanup->data = &ctx;
  cleanup->handler = [](void* data) { cancel_lookup(*static_cast<RequestCtx*>(data)); };
  ctx.has_exit_hook = true;
}

Decision start_lookup(ngx_http_request_t* r, RequestCtx& ctx, const Uuid& id) {
  LookupEngine* engine = lookup_engine();
  if (engine == nullptr) return Decision::unavailable;
  leave_on_exit(r, ctx);
  ctx.lookup_started = ngx_current_msec;
  ctx.LookupWaiter::on_answer = on_answer;
  if (!engine->lookup(id, ctx)) return Decision::unavailable;
  ctx.is_waiting = true;
  r->connection->log->action = const_cast<char*>("looking up media");
  r->read_event_handler = ngx_http_test_reading;
  return Decision::undecided;
}

bool is_readable_method(const ngx_http_request_t* r) {
  return (r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) != 0;
}

/// True when the same question was answered before an internal redirect.
bool is_decided(const RequestCtx& ctx, const ngx_str_t& id, const LocationConf& conf) {
  return ctx.decision != Decision::undecided && ctx.decided_session == conf.session &&
         ctx.decided_tokens == conf.tokens && ctx.media_id.data != nullptr &&
         view(ctx.media_id) == view(id);
}

Decision decide_media(ngx_http_request_t* r, RequestCtx& ctx, const LocationConf& conf) {
  const CallerIdentity& caller = identify(r, ctx);
  ngx_str_t id{};
  if (ngx_http_complex_value(r, conf.media_id, &id) != NGX_OK) throw std::bad_alloc();
  if (is_decided(ctx, id, conf)) return ctx.decision;
  ctx.media_id = copy(r->pool, view(id));
  ctx.decided_session = conf.session;
  ctx.decided_tokens = conf.tokens;
  ctx.record = {};
  if (caller.state != TokenState::good) return decision_without_identity(caller);
  if (!is_readable_method(r)) return Decision::bad_method;
  const auto uuid = Uuid::parse(view(id));
  if (!uuid) return Decision::bad_id;
  return start_lookup(r, ctx, *uuid);
}

/// As in nginx's static module, a method is refused after all access rules.
bool is_for_content(Decision decision) {
  return decision == Decision::granted || decision == Decision::pending ||
         decision == Decision::bad_method;
}

ngx_int_t enter_media(ngx_http_request_t* r, const LocationConf& conf) {
  RequestCtx& ctx = require_ctx(r);
  if (ctx.is_waiting) return NGX_AGAIN;
  ctx.decision = decide_media(r, ctx, conf);
  if (ctx.is_waiting) return NGX_AGAIN;
  return is_for_content(ctx.decision) ? NGX_OK : refuse_request(r, ctx);
}

ngx_int_t enter_authorized(ngx_http_request_t* r) {
  RequestCtx& ctx = require_ctx(r);
  const CallerIdentity& caller = identify(r, ctx);
  ctx.decision =
      caller.state == TokenState::good ? Decision::granted : decision_without_identity(caller);
  ctx.media_id = {};
  return ctx.decision == Decision::granted ? NGX_OK : refuse_request(r, ctx);
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
  if (conf.media_id != nullptr) return enter_media(r, conf);
  return conf.authorize == 1 ? enter_authorized(r) : NGX_DECLINED;
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
