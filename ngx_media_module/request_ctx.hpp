#pragma once

#include <array>
#include <optional>

#include "core/uuid.hpp"
#include "ngx_media_module/conf.hpp"
#include "ngx_media_module/decision.hpp"
#include "ngx_media_module/lookup.hpp"
#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

enum class TokenState { none, bad, good };

/// Who the caller is, by the sessions of one location.
struct CallerIdentity {
  const SessionConf* session = nullptr;  ///< by which this was found out; null: not yet
  const TokenConf* tokens = nullptr;
  TokenState state = TokenState::none;
  bool is_expired = false;
  ngx_str_t user{};
  ngx_str_t company{};
  ngx_str_t role{};
  std::optional<Uuid> company_id;
};

/// What the module knows about a request. Lives in the request's pool and
/// survives internal redirects.
struct RequestCtx : LookupWaiter {
  ngx_http_request_t* request = nullptr;
  CallerIdentity caller;

  Decision decision = Decision::undecided;
  ngx_str_t media_id{};
  const SessionConf* decided_session = nullptr;  ///< under which the decision was made
  const TokenConf* decided_tokens = nullptr;
  bool has_asked = false;
  bool is_waiting = false;
  bool has_exit_hook = false;
  ngx_msec_t lookup_started = 0;
  std::optional<ngx_msec_t> lookup_time;
  std::array<ngx_table_elt_t*, 6> headers{};  ///< see add_safety_headers()
  MediaRecord record;  ///< when granted or pending; texts are in the request's pool
};

/// The context of this request (not of its parent), or null.
RequestCtx* find_ctx(ngx_http_request_t* r);
/// The same, made when missing.
RequestCtx& require_ctx(ngx_http_request_t* r);

}  // namespace media::nginx
