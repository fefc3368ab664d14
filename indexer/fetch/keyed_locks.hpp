#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

namespace media::fetch {

/// One holder at a time for each key, among the coroutines of one loop.
class KeyedLocks {
 public:
  /// Holds a key until it is destroyed.
  class Held {
   public:
    Held(KeyedLocks& locks, std::string key, bool has_waited)
        : locks_(&locks), key_(std::move(key)), has_waited_(has_waited) {}
    Held(Held&& other) noexcept
        : locks_(std::exchange(other.locks_, nullptr)),
          key_(std::move(other.key_)),
          has_waited_(other.has_waited_) {}
    ~Held() {
      if (locks_ != nullptr) locks_->release(key_);
    }

    /// For one who held the key before.
    bool has_waited() const { return has_waited_; }

   private:
    KeyedLocks* locks_;
    std::string key_;
    bool has_waited_;
  };

  explicit KeyedLocks(boost::asio::io_context& loop) : loop_(loop) {}

  /// Waits until nobody else holds the key.
  Held acquire(boost::asio::yield_context yield, const std::string& key) {
    bool has_waited = false;
    for (auto held = held_.find(key); held != held_.end(); held = held_.find(key)) {
      has_waited = true;
      const auto released = held->second;  // keeps the timer while we wait for it
      boost::system::error_code ignored;
      released->async_wait(yield[ignored]);
    }
    held_.emplace(key, std::make_shared<boost::asio::steady_timer>(
                           loop_, boost::asio::steady_timer::time_point::max()));
    return Held(*this, key, has_waited);
  }

 private:
  void release(const std::string& key) {
    const auto held = held_.extract(key);
    held.mapped()->cancel();
  }

  boost::asio::io_context& loop_;
  std::unordered_map<std::string, std::shared_ptr<boost::asio::steady_timer>> held_;
};

}  // namespace media::fetch
