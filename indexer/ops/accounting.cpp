#include "indexer/ops/accounting.hpp"

#include <chrono>
#include <cstdint>
#include <string>

#include "indexer/coroutine.hpp"
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

void Accounting::start() {
  spawn(loop_, "accounting", [this](boost::asio::yield_context yield) { run(yield); });
}

void Accounting::stop() {
  is_stopped_ = true;
  pause_.cancel();
}

void Accounting::run(boost::asio::yield_context yield) {
  while (!is_stopped_) {
    const auto folded = fold_analytics(database_, yield);
    if (is_stopped_) return;
    if (!folded) log::warn("accounting_failed", {{"error", folded.error().message}});
    pause_.expires_after(kPause);
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
}

}  // namespace media::ops
