#pragma once

#include <chrono>
#include <cstdint>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

namespace media::ops {

/// Says when bytes may go, so that they are no more than a rate on average. What is
/// larger than a second's worth goes at once, and what follows waits longer.
class ByteSchedule {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// 0: any number of bytes a second.
  explicit ByteSchedule(std::uint64_t bytes_per_second) : rate_(bytes_per_second) {}
  /// Books the bytes behind all that is booked; when they may go.
  TimePoint book(TimePoint now, std::uint64_t bytes);

 private:
  std::uint64_t rate_;
  TimePoint free_at_{};
};

/// The same for coroutines, which wait for their turn.
class ByteRate {
 public:
  ByteRate(boost::asio::io_context& loop, std::uint64_t bytes_per_second)
      : loop_(loop), schedule_(bytes_per_second) {}
  void take(boost::asio::yield_context yield, std::uint64_t bytes);

 private:
  boost::asio::io_context& loop_;
  ByteSchedule schedule_;
};

}  // namespace media::ops
