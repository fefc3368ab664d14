#include "indexer/metrics/queue_sampler.hpp"

#include <list>

#include <boost/asio/steady_timer.hpp>

#include "indexer/coroutine.hpp"

namespace media::metrics {

using Clock = std::chrono::steady_clock;

/// Shared with the coroutine that asks, which may outlast the callers' patience.
struct QueueSampler::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& io, db::Database& pool, SamplerOptions wanted)
      : loop(io), database(pool), options(wanted) {}

  void ask();
  void read(boost::asio::yield_context yield);
  void wait(boost::asio::yield_context yield);
  bool is_fresh() const { return last && Clock::now() - asked_at < options.keep; }

  boost::asio::io_context& loop;
  db::Database& database;
  const SamplerOptions options;
  std::list<boost::asio::steady_timer> callers;  ///< cancelled when the answer is there
  std::optional<QueueSample> last;
  Clock::time_point asked_at;
  bool is_asking = false;
};

void QueueSampler::State::ask() {
  is_asking = true;
  asked_at = Clock::now();
  spawn(loop, "queue sample", [self = shared_from_this()](boost::asio::yield_context yield) {
    self->read(yield);
    self->is_asking = false;
    for (auto& caller : self->callers) caller.cancel();
  });
}

void QueueSampler::State::read(boost::asio::yield_context yield) {
  last.reset();
  const auto rows = database.query(
      yield,
      "SELECT due, suspended, running, waiting, oldest_pending_seconds FROM media.sample_queue()");
  if (!rows || rows->empty()) return;
  last = QueueSample{rows->integer(0, "due"), rows->integer(0, "suspended"),
                     rows->integer(0, "running"), rows->integer(0, "waiting"),
                     rows->real(0, "oldest_pending_seconds")};
}

void QueueSampler::State::wait(boost::asio::yield_context yield) {
  const auto caller = callers.emplace(callers.end(), loop, options.patience);
  boost::system::error_code ignored;
  caller->async_wait(yield[ignored]);
  callers.erase(caller);
}

QueueSampler::QueueSampler(boost::asio::io_context& loop, db::Database& database,
                           SamplerOptions options)
    : state_(std::make_shared<State>(loop, database, options)) {}

std::optional<QueueSample> QueueSampler::sample(boost::asio::yield_context yield) {
  const auto state = state_;
  if (!state->is_asking && !state->is_fresh()) state->ask();
  if (state->is_asking) state->wait(yield);
  if (state->is_asking) return std::nullopt;
  return state->last;
}

}  // namespace media::metrics
