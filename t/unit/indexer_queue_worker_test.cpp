#include "indexer/queue/worker.hpp"

#include <gtest/gtest.h>

#include "indexer_fixture.hpp"
#include "indexer_queue_fixture.hpp"

namespace media::queue {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

Outcome outcome_of(Outcome::Kind kind) {
  Outcome outcome;
  outcome.kind = kind;
  outcome.reason = ErrorCode::network;
  outcome.error = "why";
  return outcome;
}

class WorkerTest : public testing::Test {
 protected:
  void add_jobs(std::int64_t count) {
    for (std::int64_t id = 1; id <= count; ++id) {
      Job job;
      job.id = id;
      store_.waiting.push_back(job);
    }
  }

  void start(JobHandler handler, std::size_t concurrency = 4,
             milliseconds lease = milliseconds(60000)) {
    WorkerOptions options;
    options.concurrency = concurrency;
    options.lease = lease;
    options.per_company = per_company_;
    options.per_host = per_host_;
    options.is_ready = [this] { return readiness_; };
    worker_ = std::make_unique<Worker>(loop_, store_, options, std::move(handler));
    worker_->start();
  }

  // Runs the loop until the condition holds, or for ten seconds.
  void run_until(const std::function<bool()>& condition) {
    test::run(loop_, [&](boost::asio::yield_context yield) {
      const auto deadline = Clock::now() + std::chrono::seconds(10);
      while (!condition() && Clock::now() < deadline) sleep(yield, milliseconds(1));
      ASSERT_TRUE(condition());
    });
  }

  void stop(milliseconds grace = std::chrono::seconds(10)) {
    test::run(loop_, [&](boost::asio::yield_context yield) {
      worker_->stop(yield, grace, [this] { is_aborted_ = true; });
    });
  }

  void sleep(boost::asio::yield_context yield, milliseconds time) {
    boost::asio::steady_timer timer(loop_, time);
    boost::system::error_code ignored;
    timer.async_wait(yield[ignored]);
  }

  JobHandler sleeping_until_released() {
    return [this](boost::asio::yield_context yield, const Job&, JobControl& control) {
      ++running_;
      most_running_ = std::max(most_running_, running_);
      while (!is_released_ && !control.is_cancelled()) sleep(yield, milliseconds(1));
      --running_;
      ++done_;
      return outcome_of(control.is_cancelled() ? Outcome::Kind::released
                                               : Outcome::Kind::completed);
    };
  }

  boost::asio::io_context loop_{1};
  test::FakeJobStore store_;
  Result<void> readiness_;
  std::size_t per_company_ = 100;
  std::size_t per_host_ = 100;
  std::unique_ptr<Worker> worker_;
  bool is_released_ = false;
  bool is_aborted_ = false;
  int running_ = 0;
  int most_running_ = 0;
  int done_ = 0;
};

TEST_F(WorkerTest, runs_all_jobs_but_never_more_than_allowed_at_once) {
  add_jobs(20);
  start(sleeping_until_released());
  run_until([&] { return running_ == 4; });
  EXPECT_EQ(store_.claims.front(), 4u);
  is_released_ = true;
  run_until([&] { return done_ == 20; });
  EXPECT_EQ(most_running_, 4);
  stop();
}

TEST_F(WorkerTest, claims_in_batches_rather_than_one_by_one) {
  add_jobs(400);
  start(
      [this](boost::asio::yield_context, const Job&, JobControl&) {
        ++done_;
        return outcome_of(Outcome::Kind::completed);
      },
      8);
  run_until([&] { return done_ == 400; });
  EXPECT_LE(store_.claims.size(), 60u);
  stop();
}

TEST_F(WorkerTest, sleeps_until_it_is_woken) {
  start([this](boost::asio::yield_context, const Job&, JobControl&) {
    ++done_;
    return outcome_of(Outcome::Kind::completed);
  });
  run_until([&] { return store_.claims.size() == 1; });
  add_jobs(1);
  worker_->wake();
  run_until([&] { return done_ == 1; });
  stop();
}

TEST_F(WorkerTest, records_retries_and_failures) {
  add_jobs(2);
  start([](boost::asio::yield_context, const Job& job, JobControl&) {
    return outcome_of(job.id == 1 ? Outcome::Kind::retry : Outcome::Kind::failed);
  });
  run_until([&] { return store_.ended.size() == 2; });
  EXPECT_EQ(store_.ended[1].kind, Outcome::Kind::retry);
  EXPECT_EQ(store_.ended[2].kind, Outcome::Kind::failed);
  stop();
}

TEST_F(WorkerTest, looks_again_when_a_retry_is_due) {
  start([](boost::asio::yield_context, const Job&, JobControl&) {
    Outcome outcome = outcome_of(Outcome::Kind::retry);
    outcome.delay = milliseconds(20);
    return outcome;
  });
  // Asleep for long, as far as the queue knows.
  run_until([&] { return store_.claims.size() == 1; });
  add_jobs(1);
  worker_->wake();
  run_until([&] { return store_.ended.size() == 1; });
  const auto recorded_at = Clock::now();
  const auto before = store_.claims.size();
  run_until([&] { return store_.claims.size() > before; });
  EXPECT_LT(Clock::now() - recorded_at, milliseconds(500));
  stop();
}

TEST_F(WorkerTest, a_crashing_handler_costs_only_its_job) {
  add_jobs(2);
  start([this](boost::asio::yield_context, const Job& job, JobControl&) -> Outcome {
    if (job.id == 1) throw std::runtime_error("bug");
    ++done_;
    return outcome_of(Outcome::Kind::completed);
  });
  run_until([&] { return done_ == 1 && store_.ended.contains(1); });
  EXPECT_EQ(store_.ended[1].reason, ErrorCode::internal);
  stop();
}

TEST_F(WorkerTest, keeps_leases_alive_and_abandons_lost_ones) {
  add_jobs(2);
  store_.lost = {2};
  start(sleeping_until_released(), 4, milliseconds(60));
  run_until([&] { return done_ == 1 && store_.extensions >= 2; });
  EXPECT_EQ(store_.released, std::vector<std::int64_t>{2});
  is_released_ = true;
  run_until([&] { return done_ == 2; });
  stop();
}

TEST_F(WorkerTest, a_result_survives_a_short_database_outage) {
  add_jobs(1);
  store_.failing_calls = 2;
  start([](boost::asio::yield_context, const Job&, JobControl&) {
    return outcome_of(Outcome::Kind::failed);
  });
  run_until([&] { return store_.ended.contains(1); });
  stop();
}

TEST_F(WorkerTest, gives_up_recording_when_the_lease_is_nearly_out) {
  add_jobs(1);
  start(
      [this](boost::asio::yield_context, const Job&, JobControl&) {
        store_.is_away = true;
        ++done_;
        return outcome_of(Outcome::Kind::failed);
      },
      4, milliseconds(700));
  run_until([&] { return done_ == 1 && worker_->running() == 0; });
  EXPECT_TRUE(store_.ended.empty());
  store_.is_away = false;
  stop();
}

TEST_F(WorkerTest, claims_again_after_an_outage) {
  store_.is_away = true;
  add_jobs(1);
  start(sleeping_until_released());
  is_released_ = true;
  test::run(loop_, [&](boost::asio::yield_context yield) { sleep(yield, milliseconds(30)); });
  EXPECT_EQ(done_, 0);
  store_.is_away = false;
  run_until([&] { return done_ == 1; });
  stop();
}

TEST_F(WorkerTest, holds_back_while_the_store_is_not_ready) {
  readiness_ = fail(ErrorCode::storage, "no marker");
  add_jobs(1);
  start(sleeping_until_released());
  is_released_ = true;
  test::run(loop_, [&](boost::asio::yield_context yield) { sleep(yield, milliseconds(30)); });
  EXPECT_TRUE(store_.claims.empty());
  readiness_ = {};
  run_until([&] { return done_ == 1; });
  stop();
}

TEST_F(WorkerTest, a_stop_lets_running_jobs_finish) {
  add_jobs(6);
  start(sleeping_until_released());
  run_until([&] { return running_ == 4; });
  spawn(loop_, "release", [this](boost::asio::yield_context yield) {
    sleep(yield, milliseconds(20));
    is_released_ = true;
  });
  stop();
  EXPECT_EQ(done_, 4);
  EXPECT_FALSE(is_aborted_);
  EXPECT_EQ(store_.waiting.size(), 2u);
}

TEST_F(WorkerTest, a_stop_gives_back_what_does_not_finish_in_time) {
  add_jobs(2);
  start(sleeping_until_released());
  run_until([&] { return running_ == 2; });
  stop(milliseconds(10));
  EXPECT_TRUE(is_aborted_);
  EXPECT_EQ(store_.released.size(), 2u);
}

TEST_F(WorkerTest, a_company_gets_no_more_than_its_part_and_all_of_it_in_the_end) {
  add_jobs(6);
  for (auto& job : store_.waiting) job.company_id = job.id == 6 ? "B" : "A";
  per_company_ = 2;
  int running_of_a = 0;
  int most_of_a = 0;
  start([&](boost::asio::yield_context yield, const Job& job, JobControl&) {
    running_of_a += job.company_id == "A" ? 1 : 0;
    most_of_a = std::max(most_of_a, running_of_a);
    sleep(yield, milliseconds(5));
    running_of_a -= job.company_id == "A" ? 1 : 0;
    ++done_;
    return outcome_of(Outcome::Kind::completed);
  });
  run_until([&] { return done_ == 6; });
  EXPECT_EQ(most_of_a, 2);
  stop();
}

TEST_F(WorkerTest, jobs_that_end_during_a_claim_make_room_for_others_of_their_company) {
  add_jobs(200);
  per_company_ = 6;
  store_.claim_time = milliseconds(10);
  start(
      [&](boost::asio::yield_context yield, const Job&, JobControl&) {
        sleep(yield, milliseconds(5));
        ++done_;
        return outcome_of(Outcome::Kind::completed);
      },
      8);
  run_until([&] { return done_ == 200; });
  stop();
}

TEST_F(WorkerTest, a_slow_host_leaves_room_for_others) {
  add_jobs(5);
  for (auto& job : store_.waiting) job.host = job.id == 5 ? "fast" : "slow";
  per_host_ = 3;
  bool is_fast_done = false;
  start([&](boost::asio::yield_context yield, const Job& job, JobControl&) {
    if (job.host == "fast") is_fast_done = true;
    while (job.host == "slow" && !is_released_) sleep(yield, milliseconds(1));
    ++done_;
    return outcome_of(Outcome::Kind::completed);
  });
  run_until([&] { return is_fast_done; });
  EXPECT_EQ(worker_->running(), 3u);
  EXPECT_EQ(store_.waiting.size(), 1u);
  is_released_ = true;
  run_until([&] { return done_ == 5; });
  stop();
}

}  // namespace
}  // namespace media::queue
