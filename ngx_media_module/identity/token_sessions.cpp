#include "ngx_media_module/identity/token_sessions.hpp"

#include "ngx_media_module/compat.hpp"
#include "ngx_media_module/identity/caller.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

ngx_msec_t lifetime() {
  const auto& cache = worker_conf().cache;
  return cache ? cache->valid : 0;
}

/// `verify` is costly: what it said is remembered.
template <class Verify>
SessionOutcome try_token(RequestCtx& ctx, const Session& session, std::string_view token,
                         Verify verify) {
  AnswerCache* cache = worker_cache();
  const CacheKey key = credential_key(session, token);
  if (const auto outcome = recall_identity(ctx, cache, key)) return *outcome;
  const CacheTicket ticket = credential_ticket(cache, key);
  worker_stats().add(Counter::tokens_verified);
  const Result<Identity> identity = verify();
  if (!identity) return refuse_caller(ctx, identity.error());
  return accept_and_remember(ctx, cache, key, ticket, *identity, lifetime());
}

/// A cookie's value; one too large for a cookie comes in chunks NAME.0, NAME.1, ...
std::optional<std::string> read_cookie(ngx_http_request_t* r, const std::string& name) {
  constexpr std::size_t kMaxBytes = 16384;
  if (const auto whole = compat::find_cookie(r, name)) return std::string(*whole);
  std::string value;
  for (int i = 0; value.size() <= kMaxBytes; ++i) {
    const auto chunk = compat::find_cookie(r, name + '.' + std::to_string(i));
    if (!chunk) break;
    value.append(*chunk);
  }
  return value.empty() ? std::nullopt : std::optional(value);
}

Result<Identity> verify_cookie(std::string_view value, const NextAuthSession::Cookie& cookie,
                               const ClaimPolicy& policy) {
  Result<Identity> identity = fail(ErrorCode::unauthorized, "no key for the session cookie");
  for (const NextAuthKey& key : cookie.keys) {
    identity = verify_next_auth(value, key, policy, ngx_time());
    if (identity || identity.error().code == ErrorCode::expired) break;
  }
  return identity;
}

}  // namespace

SessionOutcome try_jwt(RequestCtx& ctx, const Session& session, const JwtSession& jwt) {
  const auto token = find_token(ctx.request, *ctx.caller.tokens);
  if (!token) return SessionOutcome::no_credential;
  if (token->size() > kMaxJwtSize) {
    return refuse_caller(ctx, {ErrorCode::invalid_argument, "token is too long"});
  }
  return try_token(ctx, session, *token,
                   [&] { return verify_jwt(*token, jwt.keys, jwt.policy, ngx_time()); });
}

/// Browsers may still have a cookie of an earlier version or scheme, which hides no good one.
SessionOutcome try_next_auth(RequestCtx& ctx, const Session& session,
                             const NextAuthSession& next_auth) {
  SessionOutcome outcome = SessionOutcome::no_credential;
  for (const auto& cookie : next_auth.cookies) {
    const auto value = read_cookie(ctx.request, cookie.name);
    if (!value) continue;
    outcome = try_token(ctx, session, cookie.name + '=' + *value,
                        [&] { return verify_cookie(*value, cookie, next_auth.policy); });
    if (outcome == SessionOutcome::accepted) break;
  }
  return outcome;
}

}  // namespace media::nginx
