#include "ngx_media_module/identity/revocation.hpp"

#include <array>

#include "core/crypto.hpp"
#include "core/jwt.hpp"
#include "ngx_media_module/await.hpp"
#include "ngx_media_module/identity/caller.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

/// Until somebody can wait for the answer, variables go by the token alone. It is asked
/// for all the same, so that it is there next time.
SessionOutcome presume(RequestCtx& ctx, const Question& question,
                       std::span<const std::byte> bytes) {
  worker_resolver()->ask_ahead(question);
  const SessionOutcome outcome = accept_identity(ctx, bytes);
  ctx.caller.is_presumed = outcome == SessionOutcome::accepted;
  return ctx.caller.is_presumed ? SessionOutcome::waiting : outcome;
}

}  // namespace

CacheKey unrevoked_key(const Session& session, std::string_view credentials) {
  CacheKey key = credential_key(session, credentials);
  key.policy ^= session.revocation->fingerprint;
  return key;
}

std::optional<SessionOutcome> recall_unrevoked(RequestCtx& ctx, const Session& session,
                                               const CacheKey& key, Patience patience) {
  const auto answer = recall(ctx, session.revocation->part, key, patience);
  if (!answer) return std::nullopt;
  if (answer->kind != Answer::Kind::found) return outcome_of_revocation(ctx, *answer);
  return accept_unless_over(ctx, answer->bytes);
}

SessionOutcome ask_whether_revoked(RequestCtx& ctx, const Session& session, const CacheKey& key,
                                   std::string_view token, const Identity& identity,
                                   Patience patience,
                                   void (*take)(RequestCtx& ctx, const Answer& answer)) {
  std::array<std::byte, SharedCache::kMaxValueBytes> buffer;
  const auto bytes = write_accepted(identity, buffer);
  if (bytes.empty()) return refuse_caller(ctx, too_many_companies());
  const std::string digest = hex_encode(revocation_digest(token));
  // Without `iat` a token may have been made at any time, and so before any revocation.
  const Question question{
      .statement = session.revocation,
      .parameters = {"\\x" + digest, identity.user, std::to_string(identity.issued_at)},
      .key = key,
      .tag = tag_of(token_tag_text(digest)),
      .identity = {reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
  if (patience == Patience::none) return presume(ctx, question, bytes);
  const auto answer = ask_for(ctx, question, take);
  return answer ? outcome_of_revocation(ctx, *answer) : SessionOutcome::waiting;
}

SessionOutcome outcome_of_revocation(RequestCtx& ctx, const Answer& answer) {
  return accept_answer(ctx, answer, "the token was revoked");
}

}  // namespace media::nginx
