#include "indexer/ops/accounting.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "indexer/log.hpp"

namespace media::ops {
namespace {

constexpr std::chrono::minutes kPause{1};
constexpr std::int64_t kPortion = 20000;  // of one statement

}  // namespace

Result<void> fold_analytics(db::Database& database, boost::asio::yield_context yield) {
  for (std::int64_t folded = kPortion; folded == kPortion;) {
    const auto rows = database.query(yield, "SELECT media.fold_analytics($1) AS folded",
                                     {std::to_string(kPortion)});
    if (!rows) return std::unexpected(rows.error());
    folded = rows->integer(0, "folded");
  }
  return {};
}

std::chrono::seconds Accounting::run_once(boost::asio::yield_context yield) {
  const auto folded = fold_analytics(database_, yield);
  if (!folded && !is_stopped()) log::warn("accounting_failed", {{"error", folded.error().message}});
  return kPause;
}

}  // namespace media::ops
