#include "ngx_media_module/identity/identity.hpp"

#include "ngx_media_module/identity/database_session.hpp"
#include "ngx_media_module/identity/request_session.hpp"
#include "ngx_media_module/identity/token_sessions.hpp"

namespace media::nginx {
namespace {

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};

SessionOutcome try_session(RequestCtx& ctx, const Session& session, Patience patience) {
  return std::visit(
      Match{[&](const JwtSession& jwt) { return try_jwt(ctx, session, jwt, patience); },
            [&](const NextAuthSession& next_auth) {
              return try_next_auth(ctx, session, next_auth, patience);
            },
            [&](const DatabaseSession& database) { return try_database(ctx, database, patience); },
            [&](const RequestSession& request) {
              return try_request(ctx, session, request, patience);
            }},
      session.method);
}

/// None accepted the caller.
TokenState conclude(const CallerIdentity& caller) {
  if (caller.has_unavailable) return TokenState::unavailable;
  return caller.has_bad ? TokenState::bad : TokenState::none;
}

/// After an internal redirect another location's sessions may hold.
void begin(ngx_http_request_t* r, CallerIdentity& caller) {
  const AccessPolicy& policy = location_conf(r).policy;
  if (caller.sessions == policy.sessions && caller.tokens == policy.tokens) return;
  caller = {};
  caller.sessions = policy.sessions;
  caller.tokens = policy.tokens;
}

}  // namespace

const CallerIdentity& identify(ngx_http_request_t* r, RequestCtx& ctx, Patience patience) {
  CallerIdentity& caller = ctx.caller;
  begin(r, caller);
  const auto& sessions = caller.sessions->sessions;
  while (caller.state == TokenState::unknown) {
    if (caller.next_session == sessions.size()) {
      caller.state = conclude(caller);
      break;
    }
    const auto awaited = std::exchange(ctx.awaited_outcome, std::nullopt);
    const SessionOutcome outcome =
        awaited ? *awaited : try_session(ctx, *sessions[caller.next_session], patience);
    if (outcome == SessionOutcome::waiting) break;
    if (outcome == SessionOutcome::accepted) caller.state = TokenState::good;
    caller.note(outcome);
    ++caller.next_session;
    caller.next_cookie = 0;
  }
  return caller;
}

}  // namespace media::nginx
