#include "indexer/fetch/failure.hpp"

#include <algorithm>
#include <array>

namespace media::fetch {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

// A refused token is replaced by a person: two days of trying, ever more rarely.
constexpr std::array<milliseconds, 7> kSlowSchedule = {
    minutes(1), minutes(5), minutes(20), hours(1), hours(4), hours(12), hours(24)};

constexpr int kQuickAttempts = 2;

milliseconds slow_delay(int attempt, double random) {
  const auto index = std::clamp<std::size_t>(static_cast<std::size_t>(std::max(attempt, 1)) - 1, 0,
                                             kSlowSchedule.size() - 1);
  const auto step = kSlowSchedule[index];
  return step +
         milliseconds(static_cast<std::int64_t>(random * 0.2 * static_cast<double>(step.count())));
}

milliseconds delay_of(const Failure& failure, int attempt, const RetryPolicy& policy,
                      double random) {
  if (failure.remedy == Remedy::retry_slowly) return slow_delay(attempt, random);
  if (failure.remedy == Remedy::retry_patiently && attempt > kQuickAttempts) {
    return slow_delay(attempt - kQuickAttempts, random);
  }
  // Jitter on top of what was asked for: else all come back at that moment.
  return failure.min_delay + queue::backoff_delay(policy.backoff, attempt, random);
}

bool may_retry(const Failure& failure, const queue::Job& job, const RetryPolicy& policy) {
  if (job.attempts >= std::min(policy.max_attempts, job.max_attempts)) return false;
  if (failure.remedy == Remedy::retry_once) return job.attempts <= 1;
  return failure.remedy != Remedy::give_up;
}

}  // namespace

Remedy remedy_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::cancelled:
      return Remedy::hand_back;
    case ErrorCode::empty:
    case ErrorCode::size_mismatch:
    case ErrorCode::hash_mismatch:
    case ErrorCode::unexpected_html:
    case ErrorCode::unexpected_answer:
    case ErrorCode::unexpected_encoding:
      return Remedy::retry_once;
    case ErrorCode::unauthorized:
      return Remedy::retry_slowly;
    case ErrorCode::storage:
    case ErrorCode::scan_failed:
      return Remedy::retry_patiently;
    case ErrorCode::expired:
    case ErrorCode::gone:
    case ErrorCode::blocked_address:
    case ErrorCode::too_large:
    case ErrorCode::type_not_allowed:
    case ErrorCode::type_mismatch:
    case ErrorCode::active_content:
    case ErrorCode::executable:
    case ErrorCode::malware:
    case ErrorCode::unscanned:
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
      return Remedy::give_up;
    default:
      return Remedy::retry;
  }
}

queue::Outcome outcome_of(const Failure& failure, const queue::Job& job, const RetryPolicy& policy,
                          std::int64_t now, double random) {
  queue::Outcome outcome;
  outcome.reason = failure.error.code;
  outcome.error = failure.error.message;
  outcome.asked = failure.min_delay;
  outcome.kind = queue::Outcome::Kind::failed;
  if (failure.remedy == Remedy::hand_back) {
    outcome.kind = queue::Outcome::Kind::released;
  } else if (failure.scope != queue::Scope::media) {
    // Not this media's fault: it waits, however often it takes.
    outcome.kind = queue::Outcome::Kind::retry;
    outcome.scope = failure.scope;
    outcome.delay = failure.min_delay;
  } else if (may_retry(failure, job, policy)) {
    const auto wanted = delay_of(failure, job.attempts, policy, random);
    if (const auto delay = queue::within_deadline(wanted, now, job.deadline)) {
      outcome.kind = queue::Outcome::Kind::retry;
      outcome.delay = *delay;
    }
  }
  return outcome;
}

}  // namespace media::fetch
