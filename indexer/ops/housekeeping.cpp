#include "indexer/ops/housekeeping.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::ops {
namespace {

constexpr std::chrono::hours kDay{24};
constexpr std::chrono::minutes kRetry{5};
constexpr std::int64_t kPortion = 1000;  // deleted by one statement

}  // namespace

void Housekeeping::start() {
  spawn(loop_, "housekeeping", [this](boost::asio::yield_context yield) { run(yield); });
}

void Housekeeping::stop() {
  is_stopped_ = true;
  pause_.cancel();
}

Result<void> Housekeeping::keep_house(boost::asio::yield_context yield) {
  const auto made = database_.query(yield, "SELECT media.ensure_event_partitions(2)");
  if (!made) return std::unexpected(made.error());
  for (const char* sql : {"SELECT media.delete_expired_sessions($1) AS deleted",
                          "SELECT media.delete_expired_revocations($1) AS deleted",
                          "SELECT media.expire_downloads($1) AS deleted",
                          "SELECT media.delete_idle_suspensions($1) AS deleted"}) {
    std::int64_t deleted = kPortion;
    while (deleted == kPortion && !is_stopped_) {
      const auto rows = database_.query(yield, sql, {std::to_string(kPortion)});
      if (!rows) return std::unexpected(rows.error());
      deleted = rows->integer(0, "deleted");
    }
  }
  // Last, since it gives up when the audit trail is in use.
  const auto dropped =
      database_.query(yield, "SELECT media.drop_event_partitions($1)", {keep_event_months_});
  if (!dropped) return std::unexpected(dropped.error());
  return {};
}

void Housekeeping::run(boost::asio::yield_context yield) {
  while (!is_stopped_) {
    const auto kept = keep_house(yield);
    if (is_stopped_) return;
    if (!kept) log::warn("housekeeping_failed", {{"error", kept.error().message}});
    if (kept) {
      pause_.expires_after(kDay);
    } else {
      pause_.expires_after(kRetry);
    }
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
}

}  // namespace media::ops
