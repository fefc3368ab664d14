#include "indexer/fetch/failure.hpp"

#include <gtest/gtest.h>

namespace media::fetch {
namespace {

using Kind = queue::Outcome::Kind;
using std::chrono::milliseconds;

constexpr std::int64_t kNow = 1000000;

queue::Job job_at(int attempts, std::int64_t deadline = 0) {
  queue::Job job;
  job.attempts = attempts;
  job.max_attempts = 100;
  job.deadline = deadline;
  return job;
}

queue::Outcome outcome(ErrorCode code, const queue::Job& job, milliseconds min_delay = {}) {
  const Failure failure{{code, "why"}, remedy_for(code), min_delay, queue::Scope::media};
  return outcome_of(failure, job, RetryPolicy(), kNow, 0.5);
}

TEST(FetchFailure, passing_failures_are_tried_again_with_backoff) {
  for (const ErrorCode code : {ErrorCode::network, ErrorCode::truncated, ErrorCode::rate_limited,
                               ErrorCode::unavailable, ErrorCode::storage}) {
    EXPECT_EQ(outcome(code, job_at(1)).kind, Kind::retry) << name_of(code);
    EXPECT_EQ(outcome(code, job_at(1)).delay, milliseconds(500)) << name_of(code);
  }
  EXPECT_EQ(outcome(ErrorCode::network, job_at(4)).delay, milliseconds(4000));
}

TEST(FetchFailure, hopeless_ones_end_at_once) {
  for (const ErrorCode code : {ErrorCode::gone, ErrorCode::expired, ErrorCode::too_large,
                               ErrorCode::type_not_allowed, ErrorCode::blocked_address}) {
    EXPECT_EQ(outcome(code, job_at(1)).kind, Kind::failed) << name_of(code);
    EXPECT_EQ(outcome(code, job_at(1)).reason, code);
  }
}

TEST(FetchFailure, wrong_bytes_get_one_more_look) {
  for (const ErrorCode code :
       {ErrorCode::unexpected_html, ErrorCode::hash_mismatch, ErrorCode::size_mismatch,
        ErrorCode::empty, ErrorCode::unexpected_answer, ErrorCode::unexpected_encoding}) {
    EXPECT_EQ(outcome(code, job_at(1)).kind, Kind::retry) << name_of(code);
    EXPECT_EQ(outcome(code, job_at(2)).kind, Kind::failed) << name_of(code);
  }
}

TEST(FetchFailure, attempts_are_used_up_in_the_end) {
  EXPECT_EQ(outcome(ErrorCode::network, job_at(29)).kind, Kind::retry);
  EXPECT_EQ(outcome(ErrorCode::network, job_at(30)).kind, Kind::failed);
  RetryPolicy twice;
  twice.max_attempts = 2;
  const Failure failure{{ErrorCode::network, ""}, Remedy::retry, {}, queue::Scope::media};
  EXPECT_EQ(outcome_of(failure, job_at(2), twice, kNow, 0.5).kind, Kind::failed);
}

TEST(FetchFailure, passing_failures_are_survived_for_more_than_a_day) {
  milliseconds waited{0};
  for (int attempt = 1; outcome(ErrorCode::network, job_at(attempt)).kind == Kind::retry;
       ++attempt) {
    waited += outcome(ErrorCode::network, job_at(attempt)).delay;
  }
  EXPECT_GE(waited, std::chrono::hours(24));
}

TEST(FetchFailure, more_attempts_can_be_asked_for_than_by_default) {
  RetryPolicy patient;
  patient.max_attempts = 100;
  const Failure failure{{ErrorCode::network, ""}, Remedy::retry, {}, queue::Scope::media};
  EXPECT_EQ(outcome_of(failure, job_at(99), patient, kNow, 0.5).kind, Kind::retry);
}

TEST(FetchFailure, what_is_the_accounts_fault_never_ends_a_download) {
  const Failure failure{
      {ErrorCode::unauthorized, ""}, Remedy::retry_slowly, milliseconds(7), queue::Scope::account};
  const auto waiting = outcome_of(failure, job_at(100), RetryPolicy(), kNow, 0.5);
  EXPECT_EQ(waiting.kind, Kind::retry);
  EXPECT_EQ(waiting.scope, queue::Scope::account);
  EXPECT_EQ(waiting.asked, milliseconds(7));
}

TEST(FetchFailure, the_provider_says_when_to_come_back) {
  EXPECT_EQ(outcome(ErrorCode::rate_limited, job_at(1), std::chrono::seconds(30)).delay,
            milliseconds(30500));
}

TEST(FetchFailure, no_attempt_comes_after_the_deadline) {
  const auto close = outcome(ErrorCode::network, job_at(1, kNow + 100), std::chrono::hours(1));
  EXPECT_EQ(close.kind, Kind::retry);
  EXPECT_LT(close.delay, std::chrono::seconds(100));
  EXPECT_EQ(outcome(ErrorCode::network, job_at(1, kNow)).kind, Kind::failed);
}

TEST(FetchFailure, a_refused_credential_waits_for_a_person) {
  EXPECT_GE(outcome(ErrorCode::unauthorized, job_at(1)).delay, std::chrono::minutes(1));
  EXPECT_GE(outcome(ErrorCode::unauthorized, job_at(5)).delay, std::chrono::hours(4));
  EXPECT_EQ(outcome(ErrorCode::unauthorized, job_at(30)).kind, Kind::failed);
}

TEST(FetchFailure, so_does_a_store_that_stays_broken) {
  EXPECT_LT(outcome(ErrorCode::storage, job_at(2)).delay, std::chrono::seconds(2));
  EXPECT_GE(outcome(ErrorCode::storage, job_at(3)).delay, std::chrono::minutes(1));
}

TEST(FetchFailure, cancelled_work_is_given_back) {
  EXPECT_EQ(outcome(ErrorCode::cancelled, job_at(8)).kind, Kind::released);
}

}  // namespace
}  // namespace media::fetch
