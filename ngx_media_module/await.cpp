#include "ngx_media_module/await.hpp"

#include <new>

#include "ngx_media_module/guard.hpp"
#include "ngx_media_module/worker.hpp"

namespace media::nginx {
namespace {

/// The answer is there: lets the request run on from the access phase.
void on_answer(AnswerWaiter& waiter, const Answer& answer) {
  auto& ctx = static_cast<RequestCtx&>(waiter);
  ngx_http_request_t* r = ctx.request;
  ngx_connection_t* c = r->connection;
  ngx_http_set_log_request(c->log, r);
  ctx.is_waiting = false;
  ctx.lookup_time = ctx.lookup_time.value_or(0) + (ngx_current_msec - ctx.waiting_since);
  ctx.source = answer.source;
  const bool is_taken = guard<bool>(c->log, false, [&] {
    ctx.take_answer(ctx, answer);
    return true;
  });
  if (!is_taken) ctx.decision = Decision::broken;
  r->write_event_handler(r);
  ngx_http_run_posted_requests(c);
}

/// nginx runs this when it gives the request up, which can be long before its
/// pool goes.
void leave_on_exit(RequestCtx& ctx) {
  if (ctx.has_exit_hook) return;
  ngx_http_cleanup_t* cleanup = ngx_http_cleanup_add(ctx.request, 0);
  if (cleanup == nullptr) throw std::bad_alloc();
  cleanup->data = &ctx;
  cleanup->handler = [](void* data) { stop_waiting(*static_cast<RequestCtx*>(data)); };
  ctx.has_exit_hook = true;
}

}  // namespace

std::optional<Answer> recall(RequestCtx& ctx, CachePart part, const CacheKey& key,
                             Patience patience) {
  Resolver* resolver = worker_resolver();
  if (resolver == nullptr) return std::nullopt;
  auto answer = resolver->peek(part, key);
  if (answer && patience == Patience::wait) ctx.source = answer->source;
  return answer;
}

std::optional<Answer> ask_for(RequestCtx& ctx, const Question& question,
                              void (*take)(RequestCtx& ctx, const Answer& answer)) {
  Resolver* resolver = worker_resolver();
  if (resolver == nullptr) return Answer{};
  leave_on_exit(ctx);
  ctx.AnswerWaiter::on_answer = on_answer;
  ctx.take_answer = take;
  ctx.waiting_since = ngx_current_msec;
  auto answer = resolver->ask(question, ctx);
  if (answer) {
    ctx.source = answer->source;
    return answer;
  }
  // A client that has said all it has to say may close its half of the connection
  // meanwhile: as with a file, it gets its answer. So nothing is read here.
  ctx.is_waiting = true;
  ctx.request->connection->log->action = const_cast<char*>("asking the database");
  return std::nullopt;
}

void stop_waiting(RequestCtx& ctx) {
  ctx.is_waiting = false;
  if (ctx.lookup != nullptr) worker_resolver()->cancel(ctx);
}

}  // namespace media::nginx
