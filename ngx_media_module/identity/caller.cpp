#include "ngx_media_module/identity/caller.hpp"

#include <algorithm>
#include <array>
#include <new>

#include "core/crypto.hpp"
#include "ngx_media_module/cache/cache_record.hpp"
#include "ngx_media_module/log.hpp"
#include "ngx_media_module/text.hpp"

namespace media::nginx {
namespace {

ngx_str_t join_companies(ngx_pool_t* pool, const CachedIdentity& identity) {
  if (identity.company_count == 1) return copy(pool, identity.companies[0]);
  std::string joined;
  for (std::size_t i = 0; i < identity.company_count; ++i) {
    joined.append(i == 0 ? "" : ",").append(identity.companies.at(i));
  }
  return copy(pool, joined);
}

}  // namespace

std::optional<std::string_view> find_token(ngx_http_request_t* r, const TokenConf& tokens) {
  for (const auto& source : tokens.sources) {
    ngx_str_t value{};
    auto* expression = const_cast<ngx_http_complex_value_t*>(&source.value);
    if (ngx_http_complex_value(r, expression, &value) != NGX_OK) throw std::bad_alloc();
    if (const auto token = token_in(source.form, view(value))) return token;
  }
  return std::nullopt;
}

SessionOutcome accept_identity(RequestCtx& ctx, std::span<const std::byte> bytes) {
  const auto identity = read_identity(bytes);
  if (!identity) return SessionOutcome::unavailable;
  if (ngx_time() >= identity->expires_at) {
    return refuse_caller(ctx, {ErrorCode::expired, "the session is over"});
  }
  ngx_pool_t* pool = ctx.request->pool;
  CallerIdentity& caller = ctx.caller;
  caller.user = copy(pool, identity->user);
  caller.role = copy(pool, identity->role);
  caller.companies = join_companies(pool, *identity);
  caller.company = {identity->companies[0].size(), caller.companies.data};
  return SessionOutcome::accepted;
}

SessionOutcome refuse_caller(RequestCtx& ctx, const Error& error) {
  ctx.caller.is_expired = ctx.caller.is_expired || error.code == ErrorCode::expired;
  RequestLog(ctx.request).write(NGX_LOG_INFO, 0, "token refused: " + error.message);
  return SessionOutcome::refused;
}

CredentialKey credential_key(AnswerCache* cache, const Session& session,
                             std::string_view credentials) {
  CredentialKey result;
  if (cache == nullptr) return result;
  result.key.id = sha256(as_bytes(credentials));
  result.key.policy = session.fingerprint;
  result.ticket = cache->shared().ticket(tag_of(token_tag_text(hex_encode(result.key.id))));
  return result;
}

std::optional<SessionOutcome> recall_identity(RequestCtx& ctx, AnswerCache* cache,
                                              const CredentialKey& key) {
  if (cache == nullptr) return std::nullopt;
  const auto found = cache->find(CachePart::identities, key.key, ngx_current_msec);
  if (!found || ngx_current_msec >= found->fresh_until) return std::nullopt;
  const auto identity = read_identity(found->value);
  // What is over is found out anew, with the leeway of the rules.
  if (!identity || ngx_time() >= identity->expires_at) return std::nullopt;
  return accept_identity(ctx, found->value);
}

SessionOutcome accept_and_remember(RequestCtx& ctx, AnswerCache* cache, const CredentialKey& key,
                                   const Identity& identity, ngx_msec_t at_most) {
  std::array<std::byte, SharedCache::kMaxValueBytes> buffer;
  Identity accepted = identity;
  // Within the leeway the session is over, and yet good for this request.
  accepted.expires_at = std::max<std::int64_t>(identity.expires_at, ngx_time() + 1);
  const auto bytes = write_identity(accepted, buffer);
  if (bytes.empty()) {
    return refuse_caller(ctx, {ErrorCode::unauthorized, "the session names too many companies"});
  }
  CacheTicket ticket = key.ticket;
  if (cache != nullptr && cache->shared().bind(ticket, tag_of(user_tag_text(identity.user)))) {
    const auto until = ngx_current_msec + at_most;
    cache->store(CachePart::identities, key.key,
                 {.ticket = ticket, .fresh_until = until, .stale_until = until, .value = bytes});
  }
  return accept_identity(ctx, bytes);
}

}  // namespace media::nginx
