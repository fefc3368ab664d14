#include "indexer/ops/recurring.hpp"

#include "indexer/coroutine.hpp"

namespace media::ops {

void Recurring::start() {
  spawn(loop_, name_, [this](boost::asio::yield_context yield) { run(yield); });
}

void Recurring::stop() {
  is_stopped_ = true;
  pause_.cancel();
}

void Recurring::run(boost::asio::yield_context yield) {
  while (!is_stopped_) {
    const auto pause = run_once(yield);
    if (is_stopped_) return;
    pause_.expires_after(pause);
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
}

}  // namespace media::ops
