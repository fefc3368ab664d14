#pragma once

#include <functional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/error.hpp"
#include "indexer/db/backoff.hpp"
#include "indexer/ingest/spool.hpp"

namespace media::ingest {

/// Sends what waits in the spool the way of live requests, one after the
/// other in their order, for as long as the database takes them.
class Replay {
 public:
  /// Error `unavailable`: later. Every other error is final.
  using Deliver = std::function<Result<void>(boost::asio::yield_context, const SpooledRequest&)>;

  Replay(boost::asio::io_context& loop, Spool& spool, Deliver deliver)
      : loop_(loop), spool_(spool), deliver_(std::move(deliver)), pause_(loop) {}

  void start();
  void stop();
  /// There is a reason to try again at once.
  void wake();

 private:
  enum class Step { done, later };

  void run(boost::asio::yield_context yield);
  Step replay_first(boost::asio::yield_context yield, const Spool::Entry& entry);
  Step finish(boost::asio::yield_context yield, const Spool::Entry& entry,
              const Result<void>& delivered);
  void wait(boost::asio::yield_context yield, std::chrono::milliseconds at_most);

  boost::asio::io_context& loop_;
  Spool& spool_;
  Deliver deliver_;
  boost::asio::steady_timer pause_;
  db::Backoff backoff_;
  std::int64_t replayed_ = 0;  ///< since the log last told
  bool is_awake_ = false;
  bool is_stopped_ = false;
};

}  // namespace media::ingest
