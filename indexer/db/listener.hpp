#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

namespace media::db {

/// Keeps one connection that LISTENs on a channel, reconnecting with backoff.
/// The callback runs for each notification, with its payload, and once with an
/// empty payload after every (re)connect: whatever came meanwhile was missed.
class Listener {
 public:
  using Callback = std::function<void(std::string_view payload)>;

  Listener(boost::asio::io_context& loop, std::string conninfo, std::string channel,
           Callback callback);
  ~Listener();
  void start();
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace media::db
