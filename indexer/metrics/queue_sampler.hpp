#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/metrics/snapshot.hpp"

namespace media::metrics {

struct SamplerOptions {
  std::chrono::milliseconds keep{5000};      ///< so long an answer is good for everybody
  std::chrono::milliseconds patience{1000};  ///< longest wait of a caller
};

/// Counts the queue for who wants to know, at most every few seconds and never
/// twice at once.
class QueueSampler {
 public:
  QueueSampler(boost::asio::io_context& loop, db::Database& database, SamplerOptions options = {});

  /// Nothing when the database does not answer in time.
  std::optional<QueueSample> sample(boost::asio::yield_context yield);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace media::metrics
