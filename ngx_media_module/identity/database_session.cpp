#include "ngx_media_module/identity/database_session.hpp"

#include "core/crypto.hpp"
#include "ngx_media_module/await.hpp"
#include "ngx_media_module/identity/caller.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

SessionOutcome outcome_of(RequestCtx& ctx, const Answer& answer) {
  switch (answer.kind) {
    case Answer::Kind::found:
      return accept_identity(ctx, answer.bytes);
    case Answer::Kind::absent:
      return refuse_caller(ctx, {ErrorCode::unauthorized, "no such session"});
    case Answer::Kind::unavailable:
    case Answer::Kind::broken:
      break;
  }
  return SessionOutcome::unavailable;
}

void take_answer(RequestCtx& ctx, const Answer& answer) {
  ctx.awaited_outcome = outcome_of(ctx, answer);
}

Question question_of(const DatabaseSession& session, std::string_view token) {
  const std::string digest = hex_encode(sha256(as_bytes(token)));
  const std::string parameter = session.asks_by_token ? std::string(token) : "\\x" + digest;
  return ask_about_text(*session.statement, token_tag_text(digest), parameter);
}

}  // namespace

SessionOutcome try_database(RequestCtx& ctx, const DatabaseSession& session, Patience patience) {
  const auto token = find_token(ctx.request, *ctx.caller.tokens);
  if (!token) return SessionOutcome::no_credential;
  if (session.asks_by_token && !is_askable(*token)) {
    return refuse_caller(ctx, {ErrorCode::invalid_argument, "token is too long or not UTF-8"});
  }
  const Question question = question_of(session, *token);
  std::optional<Answer> answer;
  if (patience == Patience::wait) {
    answer = ask_for(ctx, question, take_answer);
  } else if (Resolver* resolver = worker_resolver()) {
    answer = resolver->peek(question);
  }
  return answer ? outcome_of(ctx, *answer) : SessionOutcome::waiting;
}

}  // namespace media::nginx
