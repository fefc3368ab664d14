#include "ngx_media_module/identity/token_sessions.hpp"

#include "ngx_media_module/compat.hpp"
#include "ngx_media_module/identity/caller.hpp"
#include "ngx_media_module/identity/revocation.hpp"
#include "ngx_media_module/text.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

ngx_msec_t lifetime() {
  const auto& cache = worker_conf().cache;
  return cache ? cache->valid : 0;
}

/// What came with the request, and the token in it.
struct Credential {
  std::string_view text;
  std::string_view token;
};

/// `verify` is costly: what it said is remembered, together with what the database said.
template <class Verify>
SessionOutcome try_revocable(RequestCtx& ctx, const Session& session, const Credential& credential,
                             Patience patience, void (*take)(RequestCtx&, const Answer&),
                             Verify verify) {
  if (patience == Patience::none && ctx.caller.is_presumed) return SessionOutcome::waiting;
  const CacheKey key = unrevoked_key(session, credential.text);
  if (const auto outcome = recall_unrevoked(ctx, session, key, patience)) return *outcome;
  worker_stats().add(Counter::tokens_verified);
  const Result<Identity> identity = verify();
  if (!identity) return refuse_caller(ctx, identity.error());
  return ask_whether_revoked(ctx, session, key, credential.token, *identity, patience, take);
}

/// `verify` is costly: what it said is remembered.
template <class Verify>
SessionOutcome try_token(RequestCtx& ctx, const Session& session, const Credential& credential,
                         Verify verify) {
  AnswerCache* cache = worker_cache();
  const CacheKey key = credential_key(session, credential.text);
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

void take_jwt_answer(RequestCtx& ctx, const Answer& answer) {
  ctx.awaited_outcome = outcome_of_revocation(ctx, answer);
}

/// A revoked cookie hides no good one either.
void take_cookie_answer(RequestCtx& ctx, const Answer& answer) {
  const SessionOutcome outcome = outcome_of_revocation(ctx, answer);
  if (outcome == SessionOutcome::accepted) {
    ctx.awaited_outcome = outcome;
  } else {
    ctx.caller.note(outcome);
    ++ctx.caller.next_cookie;
  }
}

SessionOutcome try_cookie(RequestCtx& ctx, const Session& session,
                          const NextAuthSession::Cookie& cookie, const ClaimPolicy& policy,
                          Patience patience) {
  const auto value = read_cookie(ctx.request, cookie.name);
  if (!value) return SessionOutcome::no_credential;
  const std::string text = cookie.name + '=' + *value;
  const Credential credential{.text = text, .token = *value};
  const auto verify = [&] { return verify_cookie(*value, cookie, policy); };
  if (session.revocation == nullptr) return try_token(ctx, session, credential, verify);
  return try_revocable(ctx, session, credential, patience, take_cookie_answer, verify);
}

}  // namespace

SessionOutcome try_jwt(RequestCtx& ctx, const Session& session, const JwtSession& jwt,
                       Patience patience) {
  const auto token = find_token(ctx.request, *ctx.caller.tokens);
  if (!token) return SessionOutcome::no_credential;
  if (token->size() > kMaxJwtSize) {
    return refuse_caller(ctx, {ErrorCode::invalid_argument, "token is too long"});
  }
  const Credential credential{.text = *token, .token = *token};
  const auto verify = [&] { return verify_jwt(*token, jwt.keys, jwt.policy, ngx_time()); };
  if (session.revocation == nullptr) return try_token(ctx, session, credential, verify);
  return try_revocable(ctx, session, credential, patience, take_jwt_answer, verify);
}

/// Browsers may still have a cookie of an earlier version or scheme, which hides no good one.
SessionOutcome try_next_auth(RequestCtx& ctx, const Session& session,
                             const NextAuthSession& next_auth, Patience patience) {
  for (std::size_t& next = ctx.caller.next_cookie; next < next_auth.cookies.size(); ++next) {
    const SessionOutcome outcome =
        try_cookie(ctx, session, next_auth.cookies[next], next_auth.policy, patience);
    if (outcome == SessionOutcome::accepted || outcome == SessionOutcome::waiting) return outcome;
    ctx.caller.note(outcome);
  }
  return SessionOutcome::no_credential;
}

}  // namespace media::nginx
