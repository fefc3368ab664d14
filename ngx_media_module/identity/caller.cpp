#include "ngx_media_module/identity/caller.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "core/crypto.hpp"
#include "ngx_media_module/cache/cache_record.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

std::optional<std::string_view> value_of(ngx_http_request_t* r, const TokenSource& source) {
  if (source.form == TokenForm::bearer) {
    const auto* header = r->headers_in.authorization;
    return header == nullptr ? std::nullopt : std::optional(view(header->value));
  }
  const auto* value = ngx_http_get_flushed_variable(r, static_cast<ngx_uint_t>(source.variable));
  if (value == nullptr) throw std::bad_alloc();
  return value->not_found ? std::nullopt : std::optional(view({value->len, value->data}));
}

/// The bytes are the cache's; the request needs its own.
std::optional<CachedIdentity> own_identity(RequestCtx& ctx, std::span<const std::byte> bytes) {
  return read_identity(copy(ctx.request->pool, bytes));
}

bool is_over(const CachedIdentity& identity) { return ngx_time() >= identity.expires_at; }

SessionOutcome adopt(CallerIdentity& caller, const CachedIdentity& identity) {
  caller.user = borrow(identity.user);
  caller.role = borrow(identity.role);
  caller.companies = borrow(identity.companies);
  caller.company = borrow(identity.companies.substr(0, identity.companies.find(',')));
  return SessionOutcome::accepted;
}

}  // namespace

std::optional<std::string_view> find_token(ngx_http_request_t* r, const TokenConf& tokens) {
  for (const auto& source : tokens.sources) {
    const auto value = value_of(r, source);
    if (const auto token = value ? token_in(source.form, *value) : std::nullopt) return token;
  }
  return std::nullopt;
}

SessionOutcome accept_identity(RequestCtx& ctx, std::span<const std::byte> bytes) {
  const auto identity = own_identity(ctx, bytes);
  if (!identity) return SessionOutcome::unavailable;
  if (is_over(*identity)) {
    return refuse_caller(ctx, {ErrorCode::expired, "the session is over"});
  }
  return adopt(ctx.caller, *identity);
}

SessionOutcome accept_answer(RequestCtx& ctx, const Answer& answer, const char* why_absent) {
  switch (answer.kind) {
    case Answer::Kind::found:
      return accept_identity(ctx, answer.bytes);
    case Answer::Kind::absent:
      return refuse_caller(ctx, {ErrorCode::unauthorized, why_absent});
    case Answer::Kind::unavailable:
    case Answer::Kind::broken:
      break;
  }
  return SessionOutcome::unavailable;
}

/// What is over is found out anew, with the leeway of the rules.
std::optional<SessionOutcome> accept_unless_over(RequestCtx& ctx,
                                                 std::span<const std::byte> bytes) {
  const auto identity = own_identity(ctx, bytes);
  if (!identity || is_over(*identity)) return std::nullopt;
  return adopt(ctx.caller, *identity);
}

SessionOutcome refuse_caller(RequestCtx& ctx, const Error& error) {
  ctx.caller.is_expired = ctx.caller.is_expired || error.code == ErrorCode::expired;
  RequestLog(ctx.request).write(NGX_LOG_INFO, 0, "token refused: " + error.message);
  return SessionOutcome::refused;
}

CacheKey credential_key(const Session& session, std::string_view credentials) {
  return {.id = worker_digests().sha256_of(credentials), .policy = session.fingerprint};
}

CacheTicket credential_ticket(AnswerCache* cache, const CacheKey& key) {
  if (cache == nullptr) return {};
  return cache->shared().ticket(tag_of(token_tag_text(hex_encode(key.id))));
}

std::optional<SessionOutcome> recall_identity(RequestCtx& ctx, AnswerCache* cache,
                                              const CacheKey& key) {
  if (cache == nullptr) return std::nullopt;
  const auto found = cache->find(CachePart::identities, key, ngx_current_msec);
  if (!found || ngx_current_msec >= found->fresh_until) return std::nullopt;
  return accept_unless_over(ctx, found->value);
}

std::span<const std::byte> write_accepted(const Identity& identity, std::span<std::byte> buffer) {
  Identity accepted = identity;
  // Within the leeway the session is over, and yet good for this request.
  accepted.expires_at = std::max<std::int64_t>(identity.expires_at, ngx_time() + 1);
  return write_identity(accepted, buffer);
}

SessionOutcome accept_and_remember(RequestCtx& ctx, AnswerCache* cache, const CacheKey& key,
                                   CacheTicket ticket, const Identity& identity,
                                   ngx_msec_t at_most) {
  std::array<std::byte, SharedCache::kMaxValueBytes> buffer;
  const auto bytes = write_accepted(identity, buffer);
  if (bytes.empty()) return refuse_caller(ctx, too_many_companies());
  if (cache != nullptr && cache->shared().bind(ticket, tag_of(user_tag_text(identity.user)))) {
    const auto until = ngx_current_msec + at_most;
    cache->store(CachePart::identities, key,
                 {.ticket = ticket, .fresh_until = until, .stale_until = until, .value = bytes});
  }
  return accept_identity(ctx, bytes);
}

}  // namespace media::nginx
