#include "ngx_media_module/identity/request_session.hpp"

#include <new>

#include "ngx_media_module/compat.hpp"
#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/identity/caller.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

/// What the application is asked, until it has answered.
struct Enquiry {
  RequestCtx* ctx;
  const RequestSession* session;
  CacheKey key;
  CacheTicket ticket;
};

/// The values that tell callers apart, or nothing when all are empty.
std::string credentials_of(ngx_http_request_t* r, const RequestSession& session) {
  std::string credentials;
  bool has_any = false;
  for (const auto& expression : session.key) {
    ngx_str_t value{};
    if (ngx_http_complex_value(r, const_cast<ngx_http_complex_value_t*>(&expression), &value) !=
        NGX_OK) {
      throw std::bad_alloc();
    }
    has_any = has_any || value.len > 0;
    credentials.append(std::to_string(value.len)).append(":").append(view(value));
  }
  return has_any ? credentials : std::string();
}

/// The same URI is another application in another server.
std::string name_of_server(ngx_http_request_t* r) {
  const auto& server = *static_cast<ngx_http_core_srv_conf_t*>(
      ngx_http_get_module_srv_conf(r, ngx_http_core_module));
  return std::string(reinterpret_cast<const char*>(server.file_name)) + ':' +
         std::to_string(server.line) + ' ' + std::string(view(server.server_name)) + '\n';
}

std::string_view header_of(ngx_http_request_t* r, std::string_view lower_case_name) {
  ngx_list_part_t* part = &r->headers_out.headers.part;
  for (; part != nullptr; part = part->next) {
    auto* headers = static_cast<ngx_table_elt_t*>(part->elts);
    for (ngx_uint_t i = 0; i < part->nelts; ++i) {
      const ngx_table_elt_t& header = headers[i];
      if (header.hash == 0 || header.key.len != lower_case_name.size()) continue;
      auto* name = reinterpret_cast<u_char*>(const_cast<char*>(lower_case_name.data()));
      if (ngx_strncasecmp(header.key.data, name, header.key.len) == 0) return view(header.value);
    }
  }
  return {};
}

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

Result<Identity> identity_of(ngx_http_request_t* answer) {
  Identity identity;
  identity.user = header_of(answer, "x-media-user");
  identity.role = header_of(answer, "x-media-role");
  std::string_view companies = header_of(answer, "x-media-companies");
  bool is_usable = !identity.user.empty() && is_header_text(identity.user) &&
                   is_header_text(identity.role) && !companies.empty();
  while (is_usable && !companies.empty()) {
    const auto each = companies.substr(0, companies.find(','));
    is_usable = add_company(identity, trim(each));
    companies.remove_prefix(std::min(companies.size(), each.size() + 1));
  }
  if (is_usable) return identity;
  return fail(ErrorCode::unauthorized,
              "the application named no usable X-Media-User and X-Media-Companies");
}

SessionOutcome take_identity(const Enquiry& enquiry, ngx_http_request_t* answer) {
  auto identity = identity_of(answer);
  if (!identity) return refuse_caller(*enquiry.ctx, identity.error());
  const ngx_msec_t valid = enquiry.session->valid;
  identity->expires_at = ngx_time() + static_cast<std::int64_t>(valid / 1000) + 1;
  return accept_and_remember(*enquiry.ctx, worker_cache(), enquiry.key, enquiry.ticket, *identity,
                             valid);
}

SessionOutcome judge(const Enquiry& enquiry, ngx_http_request_t* answer, ngx_int_t rc) {
  static LogThrottle throttle;
  const ngx_uint_t status =
      rc >= NGX_HTTP_SPECIAL_RESPONSE ? static_cast<ngx_uint_t>(rc) : answer->headers_out.status;
  if (rc != NGX_ERROR && status >= 200 && status < 300) return take_identity(enquiry, answer);
  if (status == NGX_HTTP_CLIENT_CLOSED_REQUEST) return SessionOutcome::unavailable;
  if (status >= 300 && status < 500 && status != NGX_HTTP_NOT_FOUND) {
    return refuse_caller(*enquiry.ctx, {ErrorCode::unauthorized, "the application says no"});
  }
  log_throttled(throttle, NGX_LOG_ERR, RequestLog(answer).get(),
                "\"" + std::string(view(enquiry.session->uri)) +
                    "\" answered a session request with " + std::to_string(status));
  return SessionOutcome::unavailable;
}

ngx_int_t on_answer(ngx_http_request_t* answer, void* data, ngx_int_t rc) noexcept {
  auto& enquiry = *static_cast<Enquiry*>(data);
  RequestCtx& ctx = *enquiry.ctx;
  ctx.is_waiting = false;
  ctx.awaited_outcome = guard<SessionOutcome>(answer->connection->log, SessionOutcome::unavailable,
                                              [&] { return judge(enquiry, answer, rc); });
  return rc;
}

SessionOutcome start_subrequest(RequestCtx& ctx, const RequestSession& session,
                                const CacheKey& key) {
  ngx_http_request_t* r = ctx.request;
  auto* after = allocate_zeroed<ngx_http_post_subrequest_t>(r->pool);
  auto* enquiry = allocate_zeroed<Enquiry>(r->pool);
  *enquiry = {&ctx, &session, key, credential_ticket(worker_cache(), key)};
  after->handler = on_answer;
  after->data = enquiry;
  ngx_str_t uri = session.uri;
  ngx_http_request_t* asking = nullptr;
  if (ngx_http_subrequest(r, &uri, nullptr, &asking, after, NGX_HTTP_SUBREQUEST_WAITED) != NGX_OK) {
    return SessionOutcome::unavailable;
  }
  // Only the answer's header is of interest, and the body of the request is not sent;
  // announced all the same, it would be waited for.
  asking->request_body = allocate_zeroed<ngx_http_request_body_t>(r->pool);
  asking->headers_in.content_length = nullptr;
  asking->headers_in.content_length_n = -1;
  asking->headers_in.chunked = 0;
  asking->header_only = 1;
  worker_stats().add(Counter::subrequests);
  ctx.is_waiting = true;
  return SessionOutcome::waiting;
}

}  // namespace

SessionOutcome try_request(RequestCtx& ctx, const Session& session, const RequestSession& request,
                           Patience patience) {
  const std::string credentials = credentials_of(ctx.request, request);
  if (credentials.empty()) return SessionOutcome::no_credential;
  AnswerCache* cache = worker_cache();
  const CacheKey key = credential_key(session, name_of_server(ctx.request) + credentials);
  if (const auto outcome = recall_identity(ctx, cache, key)) return *outcome;
  if (patience == Patience::none) return SessionOutcome::waiting;
  return start_subrequest(ctx, request, key);
}

}  // namespace media::nginx
