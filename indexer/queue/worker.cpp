#include "indexer/queue/worker.hpp"

#include <algorithm>
#include <exception>
#include <set>

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::queue {
namespace {

using std::chrono::milliseconds;

// Jobs that end within this time are replaced by one claim instead of many.
constexpr milliseconds kClaimInterval{25};
// How often the queue is asked when its next job becomes due.
constexpr milliseconds kAskInterval{1000};
constexpr milliseconds kLongestSleep{30000};
constexpr milliseconds kShortestSleep{20};
// The database's "now" of a retry lies a bit after ours.
constexpr milliseconds kClockSlack{2};
constexpr milliseconds kOutagePause{1000};
// Left of a lease when recording is given up: somebody else may run the job then.
constexpr milliseconds kLeaseMargin{500};
constexpr milliseconds kAfterAbort{5000};

std::string reason_of(const Outcome& outcome) { return std::string(name_of(outcome.reason)); }

void log_suspended(const Job& job, const Outcome& outcome) {
  const bool needs_a_person = outcome.reason == ErrorCode::unauthorized;
  log::write(needs_a_person ? log::Level::error : log::Level::warn, "account_suspended",
             {{"account_id", job.account_id},
              {"provider", job.provider},
              {"external_id", job.account_external_id},
              {"host", outcome.scope == Scope::account ? std::string() : job.host},
              {"reason", reason_of(outcome)},
              {"error", outcome.error}});
}

bool has_repeated(std::vector<std::string> names, std::size_t times) {
  std::ranges::sort(names);
  for (std::size_t i = times; i <= names.size(); ++i) {
    if (names[i - 1] == names[i - times]) return true;
  }
  return false;
}

void pause(boost::asio::yield_context yield, boost::asio::io_context& loop, milliseconds time) {
  boost::asio::steady_timer timer(loop, time);
  boost::system::error_code ignored;
  timer.async_wait(yield[ignored]);
}

}  // namespace

Worker::Worker(boost::asio::io_context& loop, JobStore& store, WorkerOptions options,
               JobHandler handler)
    : loop_(loop),
      store_(store),
      options_(std::move(options)),
      handler_(std::move(handler)),
      wake_timer_(loop),
      heartbeat_timer_(loop),
      idle_timer_(loop) {}

void Worker::start() {
  loops_ = 2;
  spawn(loop_, "claims", [this](boost::asio::yield_context yield) {
    claim_loop(yield);
    --loops_;
    idle_timer_.cancel();
  });
  spawn(loop_, "heartbeats", [this](boost::asio::yield_context yield) {
    heartbeat_loop(yield);
    --loops_;
    idle_timer_.cancel();
  });
}

void Worker::wake() {
  is_notified_ = true;
  wake_timer_.cancel();
}

void Worker::claim_loop(boost::asio::yield_context yield) {
  while (!is_stopping_) {
    if (free_slots() == 0) {
      wait_until(yield, Clock::time_point::max());
    } else if (is_notified_ || has_backlog_) {
      if (!claim(yield)) pause(yield, loop_, kOutagePause);
    } else {
      const auto until = next_look(yield);
      if (is_notified_ || is_stopping_) continue;
      wait_until(yield, until);
      // Either time has come or wake() said so.
      if (Clock::now() >= until) is_notified_ = true;
    }
  }
}

// Nothing but a full answer tells that there is more to claim, or one that a limit may have cut:
// then each end of a job is a reason to look again, also one while the claim was under way.
bool Worker::claim(boost::asio::yield_context yield) {
  const auto since = std::chrono::duration_cast<milliseconds>(Clock::now() - last_claim_);
  if (since < kClaimInterval) pause(yield, loop_, kClaimInterval - since);
  if (is_stopping_) return true;
  if (const auto ready = options_.is_ready(); !ready) {
    log::error("claims_held_back", {{"error", ready.error().message}});
    return false;
  }
  const ClaimRequest request = claim_request();
  is_notified_ = false;
  has_ended_one_ = false;
  last_claim_ = Clock::now();
  if (next_retry_ <= last_claim_) {
    next_retry_ = Clock::time_point::max();
    last_asked_ = {};  // only the queue knows which one follows
  }
  auto jobs = store_.claim(yield, request);
  if (!jobs) {
    is_notified_ = true;
    log::warn("claim_failed", {{"error", jobs.error().message}});
    return false;
  }
  has_backlog_ = jobs->size() >= request.limit;
  is_limited_ = reaches_limit(request, *jobs);
  if (is_limited_ && has_ended_one_) is_notified_ = true;
  for (Job& job : *jobs) start_job(std::move(job));
  return true;
}

ClaimRequest Worker::claim_request() const {
  ClaimRequest request;
  request.limit = free_slots();
  request.per_company = options_.per_company;
  request.per_host = options_.per_host;
  for (const auto& [id, running] : running_) {
    request.companies.push_back(running->job.company_id);
    request.hosts.push_back(running->job.host);
  }
  return request;
}

// Whether a company or a host has all that it may, so that more of it may be waiting.
bool Worker::reaches_limit(ClaimRequest load, const std::vector<Job>& claimed) const {
  for (const Job& job : claimed) {
    load.companies.push_back(job.company_id);
    load.hosts.push_back(job.host);
  }
  return has_repeated(std::move(load.companies), options_.per_company) ||
         has_repeated(std::move(load.hosts), options_.per_host);
}

Worker::Clock::time_point Worker::next_look(boost::asio::yield_context yield) {
  if (Clock::now() < last_asked_ + kAskInterval) {
    return std::min(last_asked_ + kAskInterval, next_retry_);
  }
  last_asked_ = Clock::now();
  const auto delay = store_.next_delay(yield);
  if (!delay) return Clock::now() + kOutagePause;
  const auto sleep = std::clamp(delay->value_or(kLongestSleep), kShortestSleep, kLongestSleep);
  return std::min(Clock::now() + sleep, next_retry_);
}

void Worker::start_job(Job job) {
  auto& slot = running_[job.id];
  const auto lease_until = last_claim_ + options_.lease;
  if (slot != nullptr) {  // our own lease ran out meanwhile, and nobody else took it
    slot->control.lease_until = lease_until;
    return;
  }
  slot = std::make_shared<Running>();
  slot->job = std::move(job);
  slot->control.lease_until = lease_until;
  spawn(loop_, "job",
        [this, running = slot](boost::asio::yield_context yield) { run_job(yield, running); });
}

void Worker::run_job(boost::asio::yield_context yield, const std::shared_ptr<Running>& running) {
  if (is_stopping_ && running->control.is_cancelled()) {
    record(yield, *running, {.kind = Outcome::Kind::released, .error = {}});
  } else {
    record(yield, *running, handle(yield, *running));
  }
  const bool was_full = free_slots() == 0;
  has_ended_one_ = true;
  if (is_limited_) is_notified_ = true;
  running_.erase(running->job.id);
  if (was_full || has_backlog_ || is_notified_) wake_timer_.cancel();
  if (running_.empty()) idle_timer_.cancel();
}

Outcome Worker::handle(boost::asio::yield_context yield, Running& running) {
  try {
    return handler_(yield, running.job, running.control);
  } catch (const std::exception& error) {
    log::error("job_crashed", {{"job_id", running.job.id}, {"error", std::string(error.what())}});
    return {.kind = Outcome::Kind::retry,
            .reason = ErrorCode::internal,
            .error = "internal error, see the log",
            .delay = std::chrono::seconds(30)};
  }
}

void Worker::record(boost::asio::yield_context yield, const Running& running,
                    const Outcome& outcome) {
  if (outcome.kind == Outcome::Kind::completed) return;
  if (outcome.kind == Outcome::Kind::lease_lost) {
    log::warn("job_lease_lost", {{"job_id", running.job.id}});
    return;
  }
  for (milliseconds wait(100);; wait = std::min(wait * 2, milliseconds(2000))) {
    const auto recorded = try_record(yield, running.job, outcome);
    if (recorded) {
      if (recorded->has_suspended) log_suspended(running.job, outcome);
      if (outcome.kind == Outcome::Kind::retry) look_again_in(outcome.delay);
      return;
    }
    log::warn("job_not_recorded", {{"job_id", running.job.id},
                                   {"reason", reason_of(outcome)},
                                   {"error", recorded.error().message}});
    const bool is_passing = recorded.error().code == ErrorCode::unavailable;
    if (!is_passing || Clock::now() + wait + kLeaseMargin > running.control.lease_until) return;
    pause(yield, loop_, wait);
  }
}

void Worker::look_again_in(milliseconds delay) {
  next_retry_ = std::min(next_retry_, Clock::now() + delay + kClockSlack);
  wake_timer_.cancel();  // it may have been set for later
}

Result<Recorded> Worker::try_record(boost::asio::yield_context yield, const Job& job,
                                    const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::retry:
      return store_.retry(yield, job.id, outcome);
    case Outcome::Kind::failed:
      return store_.fail_job(yield, job.id, outcome);
    case Outcome::Kind::released:
      if (auto released = store_.release(yield, {job.id}); !released) {
        return std::unexpected(released.error());
      }
      break;
    case Outcome::Kind::completed:
    case Outcome::Kind::lease_lost:
      break;
  }
  return Recorded{};
}

void Worker::heartbeat_loop(boost::asio::yield_context yield) {
  // Goes on while jobs run, also during a stop.
  while (!is_stopping_ || !running_.empty()) {
    heartbeat_timer_.expires_after(options_.lease / 3);
    boost::system::error_code ignored;
    heartbeat_timer_.async_wait(yield[ignored]);
    if (!running_.empty()) extend_leases(yield);
  }
}

void Worker::extend_leases(boost::asio::yield_context yield) {
  std::vector<std::int64_t> asked;
  asked.reserve(running_.size());
  for (const auto& [id, running] : running_) asked.push_back(id);
  const auto extended_at = Clock::now();
  const auto ours = store_.extend(yield, asked);
  if (!ours) {
    log::warn("leases_not_extended", {{"error", ours.error().message}});
    return;
  }
  const std::set<std::int64_t> kept(ours->begin(), ours->end());
  for (const std::int64_t id : asked) {
    const auto running = running_.find(id);
    if (running == running_.end()) continue;
    if (kept.contains(id)) {
      running->second->control.lease_until = extended_at + options_.lease;
    } else {
      running->second->control.cancel();
    }
  }
}

void Worker::wait_until(boost::asio::yield_context yield, Clock::time_point until) {
  wake_timer_.expires_at(until);
  boost::system::error_code ignored;
  wake_timer_.async_wait(yield[ignored]);
}

bool Worker::wait_idle(boost::asio::yield_context yield, milliseconds limit) {
  const auto until = Clock::now() + limit;
  while ((!running_.empty() || loops_ > 0) && Clock::now() < until) {
    idle_timer_.expires_at(until);
    boost::system::error_code ignored;
    idle_timer_.async_wait(yield[ignored]);
    if (running_.empty()) heartbeat_timer_.cancel();
  }
  return running_.empty() && loops_ == 0;
}

void Worker::stop_claiming() {
  is_stopping_ = true;
  wake_timer_.cancel();
}

void Worker::stop(boost::asio::yield_context yield, milliseconds grace,
                  const std::function<void()>& abort) {
  stop_claiming();
  if (running_.empty()) heartbeat_timer_.cancel();
  if (wait_idle(yield, grace)) return;
  log::warn("jobs_given_back", {{"count", static_cast<std::int64_t>(running_.size())}});
  for (const auto& [id, running] : running_) running->control.cancel();
  abort();
  if (!wait_idle(yield, kAfterAbort)) {
    log::error("jobs_still_running", {{"count", static_cast<std::int64_t>(running_.size())}});
  }
}

}  // namespace media::queue
