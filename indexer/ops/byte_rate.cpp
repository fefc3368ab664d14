#include "indexer/ops/byte_rate.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>

namespace media::ops {

ByteSchedule::TimePoint ByteSchedule::book(TimePoint now, std::uint64_t bytes) {
  const TimePoint start = std::max(now, free_at_);
  if (rate_ == 0) return now;
  const std::chrono::duration<double> takes(static_cast<double>(bytes) /
                                            static_cast<double>(rate_));
  free_at_ = start + std::chrono::duration_cast<TimePoint::duration>(takes);
  return start;
}

void ByteRate::take(boost::asio::yield_context yield, std::uint64_t bytes) {
  const auto now = std::chrono::steady_clock::now();
  const auto start = schedule_.book(now, bytes);
  if (start <= now) return;
  boost::asio::steady_timer timer(loop_, start);
  boost::system::error_code ignored;
  timer.async_wait(yield[ignored]);
}

}  // namespace media::ops
