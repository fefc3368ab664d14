#pragma once

#include <array>
#include <optional>

#include "ngx_media_module/answer/decision.hpp"
#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/lookup/resolver.hpp"
#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

enum class TokenState {
  unknown,  ///< not found out yet
  none,     ///< the request has no credential
  bad,      ///< one that no session accepts
  good,
  unavailable,  ///< whoever knows did not answer
};

/// Whether to ask whoever knows, and wait; or to make do with what is known here,
/// as variables must that are read before the access phase.
enum class Patience { wait, none };

/// What one way to find out about the caller came to.
enum class SessionOutcome { no_credential, accepted, refused, unavailable, waiting };

/// Who the caller is, by the sessions of one location.
struct CallerIdentity {
  const SessionChain* sessions = nullptr;
  const TokenConf* tokens = nullptr;
  TokenState state = TokenState::unknown;
  bool is_expired = false;
  ngx_str_t user{};
  ngx_str_t company{};    ///< the first, or that of the media
  ngx_str_t companies{};  ///< separated by commas
  ngx_str_t role{};

  // While it is being found out:
  bool is_presumed = false;  ///< by a token of which it is not known yet whether it was revoked
  std::size_t next_session = 0;
  std::size_t next_cookie = 0;  ///< of those of that session
  bool has_bad = false;
  bool has_unavailable = false;

  void note(SessionOutcome outcome) {
    has_bad = has_bad || outcome == SessionOutcome::refused;
    has_unavailable = has_unavailable || outcome == SessionOutcome::unavailable;
  }
};

/// `unavailable`: it is bound to a user, and who the caller is can't be found out.
enum class LinkState { unknown, none, bad, good, unavailable };

struct S3Passage;

/// What the module knows about a request. Lives in the request's pool and
/// survives internal redirects.
struct RequestCtx : AnswerWaiter {
  ngx_http_request_t* request = nullptr;
  CallerIdentity caller;
  std::optional<SessionOutcome> awaited_outcome;  ///< of the session that was waited for
  LinkState link = LinkState::unknown;

  const AccessPolicy* policy = nullptr;  ///< what `decision` was made under
  ngx_str_t subject{};                   ///< the id or key that was asked for
  ngx_str_t rendition{};
  Decision decision = Decision::undecided;

  void (*take_answer)(RequestCtx& ctx, const Answer& answer) = nullptr;
  bool is_waiting = false;
  bool has_exit_hook = false;
  AnswerSource source = AnswerSource::none;
  ngx_msec_t waiting_since = 0;
  std::optional<ngx_msec_t> lookup_time;
  std::array<ngx_table_elt_t*, 6> headers{};  ///< see add_safety_headers()
  S3Passage* passage = nullptr;               ///< when nginx fetches the media from an object store
  MediaRecord record;  ///< when granted or pending; texts are in the request's pool
};

/// The context of this request (not of its parent), or null.
RequestCtx* find_ctx(ngx_http_request_t* r);
/// The same, made when missing.
RequestCtx& require_ctx(ngx_http_request_t* r);

}  // namespace media::nginx
