#include "indexer/ops/housekeeping.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "indexer/log.hpp"

namespace media::ops {
namespace {

constexpr std::chrono::hours kDay{24};
constexpr std::chrono::minutes kRetry{5};
constexpr std::int64_t kPortion = 1000;  // deleted by one statement

}  // namespace

Result<void> Housekeeping::keep_house(boost::asio::yield_context yield) {
  const auto made = database_.query(yield, "SELECT media.ensure_event_partitions(2)");
  if (!made) return std::unexpected(made.error());
  for (const char* sql : {"SELECT media.delete_expired_sessions($1) AS deleted",
                          "SELECT media.delete_expired_revocations($1) AS deleted",
                          "SELECT media.expire_downloads($1) AS deleted",
                          "SELECT media.delete_idle_suspensions($1) AS deleted"}) {
    std::int64_t deleted = kPortion;
    while (deleted == kPortion && !is_stopped()) {
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

std::chrono::seconds Housekeeping::run_once(boost::asio::yield_context yield) {
  const auto kept = keep_house(yield);
  if (!kept && !is_stopped()) log::warn("housekeeping_failed", {{"error", kept.error().message}});
  return kept ? std::chrono::seconds(kDay) : kRetry;
}

}  // namespace media::ops
