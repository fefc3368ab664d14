#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/queue/job_store.hpp"

namespace media::queue {

struct WorkerOptions {
  std::size_t concurrency = 16;  ///< jobs at the same time
  std::size_t per_company = 16;  ///< of these, of one company
  std::size_t per_host = 16;     ///< of these, from one host
  std::chrono::milliseconds lease{60000};
  /// Asked before jobs are claimed; an error holds them back for a while.
  std::function<Result<void>()> is_ready = [] { return Result<void>(); };
};

/// Claims jobs and runs each in its own coroutine, keeping their leases alive.
/// Survives database outages. Must outlive its coroutines: stop() first.
class Worker {
 public:
  Worker(boost::asio::io_context& loop, JobStore& store, WorkerOptions options, JobHandler handler);

  void start();
  /// A job may have become runnable.
  void wake();
  /// From now on no job is claimed; running ones go on.
  void stop_claiming();
  /// Claims no more and returns when nothing runs. After the grace time
  /// running jobs are cancelled, `abort` is called to hurry them, and they are
  /// given back.
  void stop(boost::asio::yield_context yield, std::chrono::milliseconds grace,
            const std::function<void()>& abort);

  std::size_t running() const { return running_.size(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Running {
    Job job;
    JobControl control;
  };

  void claim_loop(boost::asio::yield_context yield);
  bool claim(boost::asio::yield_context yield);
  Clock::time_point next_look(boost::asio::yield_context yield);
  void start_job(Job job);
  void run_job(boost::asio::yield_context yield, const std::shared_ptr<Running>& running);
  Outcome handle(boost::asio::yield_context yield, Running& running);
  void record(boost::asio::yield_context yield, const Running& running, const Outcome& outcome);
  Result<Recorded> try_record(boost::asio::yield_context yield, const Job& job,
                              const Outcome& outcome);
  void look_again_in(std::chrono::milliseconds delay);
  void heartbeat_loop(boost::asio::yield_context yield);
  void extend_leases(boost::asio::yield_context yield);
  void wait_until(boost::asio::yield_context yield, Clock::time_point until);
  bool wait_idle(boost::asio::yield_context yield, std::chrono::milliseconds limit);
  std::size_t free_slots() const { return options_.concurrency - running_.size(); }
  ClaimRequest claim_request() const;
  bool reaches_limit(ClaimRequest load, const std::vector<Job>& claimed) const;

  boost::asio::io_context& loop_;
  JobStore& store_;
  WorkerOptions options_;
  JobHandler handler_;
  boost::asio::steady_timer wake_timer_;
  boost::asio::steady_timer heartbeat_timer_;
  boost::asio::steady_timer idle_timer_;
  std::map<std::int64_t, std::shared_ptr<Running>> running_;
  int loops_ = 0;  ///< coroutines of claim_loop and heartbeat_loop
  bool is_stopping_ = false;
  bool is_notified_ = true;     ///< something may be runnable
  bool has_backlog_ = false;    ///< the last claim was answered in full
  bool is_limited_ = false;     ///< a company or host had all that it may after the last claim
  bool has_ended_one_ = false;  ///< a job, since the last claim was asked for
  Clock::time_point last_claim_;
  Clock::time_point last_asked_;
  Clock::time_point next_retry_ = Clock::time_point::max();  ///< among those we recorded
};

}  // namespace media::queue
