#include "ngx_media_module/identity/database_session.hpp"

#include "core/crypto.hpp"
#include "ngx_media_module/await.hpp"
#include "ngx_media_module/identity/caller.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

SessionOutcome outcome_of(RequestCtx& ctx, const Answer& answer) {
  return accept_answer(ctx, answer, "no such session");
}

void take_answer(RequestCtx& ctx, const Answer& answer) {
  ctx.awaited_outcome = outcome_of(ctx, answer);
}

Question question_of(const DatabaseSession& session, std::string_view token, const CacheKey& key) {
  const std::string digest = hex_encode(key.id);
  return {.statement = session.statement,
          .parameters = {session.asks_by_token ? std::string(token) : "\\x" + digest},
          .key = key,
          .tag = tag_of(token_tag_text(digest))};
}

}  // namespace

SessionOutcome try_database(RequestCtx& ctx, const DatabaseSession& session, Patience patience) {
  const auto token = find_token(ctx.request, *ctx.caller.tokens);
  if (!token) return SessionOutcome::no_credential;
  if (session.asks_by_token && !is_askable(*token)) {
    return refuse_caller(ctx, {ErrorCode::invalid_argument, "token is too long or not UTF-8"});
  }
  const Statement& statement = *session.statement;
  const CacheKey key{.id = worker_digests().sha256_of(*token), .policy = statement.fingerprint};
  auto answer = recall(ctx, statement.part, key, patience);
  if (!answer && patience == Patience::wait) {
    answer = ask_for(ctx, question_of(session, *token, key), take_answer);
  }
  return answer ? outcome_of(ctx, *answer) : SessionOutcome::waiting;
}

}  // namespace media::nginx
