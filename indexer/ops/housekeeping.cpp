#include "indexer/ops/housekeeping.hpp"

#include <chrono>

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::ops {
namespace {

constexpr std::chrono::hours kDay{24};
constexpr std::chrono::minutes kRetry{5};

}  // namespace

void Housekeeping::start() {
  spawn(loop_, "housekeeping", [this](boost::asio::yield_context yield) { run(yield); });
}

void Housekeeping::stop() {
  is_stopped_ = true;
  pause_.cancel();
}

void Housekeeping::run(boost::asio::yield_context yield) {
  while (!is_stopped_) {
    const auto made = database_.query(yield, "SELECT media.ensure_event_partitions(2)");
    if (is_stopped_) return;
    if (!made) log::warn("housekeeping_failed", {{"error", made.error().message}});
    if (made) {
      pause_.expires_after(kDay);
    } else {
      pause_.expires_after(kRetry);
    }
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
}

}  // namespace media::ops
