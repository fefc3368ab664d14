#pragma once

#include <chrono>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

namespace media::ops {

/// What the daemon does again and again, with a pause in between, in a coroutine
/// of its own.
class Recurring {
 public:
  Recurring(const Recurring&) = delete;
  Recurring& operator=(const Recurring&) = delete;

  void start();
  void stop();

 protected:
  /// `name` is what the coroutine is called in the log.
  Recurring(boost::asio::io_context& loop, std::string name)
      : loop_(loop), name_(std::move(name)), pause_(loop) {}
  ~Recurring() = default;

  bool is_stopped() const { return is_stopped_; }

 private:
  /// Tells of failures itself, but not once stopped. Returns the pause until the next time.
  virtual std::chrono::seconds run_once(boost::asio::yield_context yield) = 0;
  void run(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  const std::string name_;
  boost::asio::steady_timer pause_;
  bool is_stopped_ = false;
};

}  // namespace media::ops
