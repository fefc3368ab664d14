#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

namespace media::storage {

/// How many uploads go to an endpoint at the same time: half as many once it asks
/// for less, and again one more after each while without that. For one loop.
class S3Pace {
 public:
  /// Holds one of the places until it is destroyed.
  class Place {
   public:
    explicit Place(S3Pace& pace) : pace_(&pace) {}
    Place(Place&& other) noexcept : pace_(std::exchange(other.pace_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (pace_ != nullptr) pace_->leave();
    }

   private:
    S3Pace* pace_;
  };

  S3Pace(boost::asio::io_context& loop, std::size_t most)
      : loop_(loop), most_(most), limit_(most) {}

  Place enter(boost::asio::yield_context yield) {
    while (taken_ >= limit_) {
      const auto turn = std::make_shared<boost::asio::steady_timer>(
          loop_, boost::asio::steady_timer::time_point::max());
      waiting_.push_back(turn);
      boost::system::error_code ignored;
      turn->async_wait(yield[ignored]);
    }
    ++taken_;
    return Place(*this);
  }

  void slow_down() {
    limit_ = std::max<std::size_t>(limit_ / 2, 1);
    good_ = 0;
  }
  void went_well() {
    if (limit_ == most_ || ++good_ < kRecovery) return;
    good_ = 0;
    ++limit_;
    wake_one();
  }
  std::size_t limit() const { return limit_; }

 private:
  static constexpr std::size_t kRecovery = 16;

  void leave() {
    --taken_;
    wake_one();
  }
  void wake_one() {
    if (waiting_.empty() || taken_ >= limit_) return;
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->cancel();
  }

  boost::asio::io_context& loop_;
  const std::size_t most_;
  std::size_t limit_;
  std::size_t taken_ = 0;
  std::size_t good_ = 0;  ///< requests since the limit was changed
  std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace media::storage
