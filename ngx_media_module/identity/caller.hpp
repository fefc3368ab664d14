#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "ngx_media_module/cache/answer_cache.hpp"
#include "ngx_media_module/request_ctx.hpp"

// What the ways to find out about a caller have in common.
namespace media::nginx {

/// The token of the first `media_token` source that has one.
std::optional<std::string_view> find_token(ngx_http_request_t* r, const TokenConf& tokens);

/// Takes an identity in the bytes of write_identity(); refuses one that is over.
SessionOutcome accept_identity(RequestCtx& ctx, std::span<const std::byte> bytes);
/// The same of one that is remembered; nothing when it is over.
std::optional<SessionOutcome> accept_unless_over(RequestCtx& ctx, std::span<const std::byte> bytes);
/// The identity's bytes, as they are kept; none when it has more companies than fit.
std::span<const std::byte> write_accepted(const Identity& identity, std::span<std::byte> buffer);
inline Error too_many_companies() {
  return {ErrorCode::unauthorized, "the session names too many companies"};
}
/// The same with the database's answer; without a row the caller is refused.
SessionOutcome accept_answer(RequestCtx& ctx, const Answer& answer, const char* why_absent);
/// Logs why, at info: it is the client's fault, or that of keys that differ.
SessionOutcome refuse_caller(RequestCtx& ctx, const Error& error);

// An identity that was found out here is kept for those who come with the same
// credentials. `cache` may be null.

/// Of these credentials under this session's rules.
CacheKey credential_key(const Session& session, std::string_view credentials);
/// What is remembered under the key; accepted if it still holds.
std::optional<SessionOutcome> recall_identity(RequestCtx& ctx, AnswerCache* cache,
                                              const CacheKey& key);
/// To be taken before the identity is found out: what is revoked meanwhile is not remembered.
CacheTicket credential_ticket(AnswerCache* cache, const CacheKey& key);
/// Accepts the identity, and remembers it until it ends or for `at_most` milliseconds.
SessionOutcome accept_and_remember(RequestCtx& ctx, AnswerCache* cache, const CacheKey& key,
                                   CacheTicket ticket, const Identity& identity,
                                   ngx_msec_t at_most);

}  // namespace media::nginx
