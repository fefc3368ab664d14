#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>

#include "core/error.hpp"
#include "indexer/queue/backoff.hpp"
#include "indexer/queue/job.hpp"

namespace media::fetch {

/// What to do about a download that did not work.
enum class Remedy {
  retry,            ///< exponential backoff
  retry_once,       ///< the bytes were wrong: one more look, then it is so
  retry_slowly,     ///< until somebody replaces the credential
  retry_patiently,  ///< backoff at first, then as slowly: a full disk takes a person too
  give_up,          ///< it will not get better
  hand_back,        ///< we are stopping or lost the lease
};

struct Failure {
  Error error;
  Remedy remedy = Remedy::retry;
  std::chrono::milliseconds min_delay{0};  ///< what the provider asked for
  queue::Scope scope = queue::Scope::media;
};

template <class T>
using Attempt = std::expected<T, Failure>;

/// The usual remedy for an error.
Remedy remedy_for(ErrorCode code);

inline std::unexpected<Failure> failed(Error error) {
  const Remedy remedy = remedy_for(error.code);
  return std::unexpected(Failure{std::move(error), remedy, {}, queue::Scope::media});
}

inline std::unexpected<Failure> failed(ErrorCode code, std::string message) {
  return failed(Error{code, std::move(message)});
}

struct RetryPolicy {
  queue::BackoffPolicy backoff;
  int max_attempts = 30;
};

/// What the queue is to do with a job that failed. `random` within [0, 1).
queue::Outcome outcome_of(const Failure& failure, const queue::Job& job, const RetryPolicy& policy,
                          std::int64_t now, double random);

}  // namespace media::fetch
