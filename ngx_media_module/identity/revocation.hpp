#pragma once

#include "ngx_media_module/identity/identity.hpp"
#include "ngx_media_module/identity/session.hpp"

// Tokens that are good by themselves, until somebody revokes them. The database is asked once
// for each; its answer is remembered as the identity that the token stands for.
namespace media::nginx {

/// Where it is remembered that these credentials hold under this session's rules.
CacheKey unrevoked_key(const Session& session, std::string_view credentials);
/// What is remembered there, if it still holds.
std::optional<SessionOutcome> recall_unrevoked(RequestCtx& ctx, const Session& session,
                                               const CacheKey& key, Patience patience);

/// Asks about the token, which was verified and stands for the identity. When the answer
/// is not there at once, `take` gets it later. With Patience::none the caller is only
/// presumed to be this one.
SessionOutcome ask_whether_revoked(RequestCtx& ctx, const Session& session, const CacheKey& key,
                                   std::string_view token, const Identity& identity,
                                   Patience patience,
                                   void (*take)(RequestCtx& ctx, const Answer& answer));
/// What the answer says of the caller.
SessionOutcome outcome_of_revocation(RequestCtx& ctx, const Answer& answer);

}  // namespace media::nginx
