#include "indexer/ops/quarantine_sweep.hpp"

#include <chrono>
#include <string>

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::chrono::hours kPause{1};
constexpr std::chrono::seconds kGathering{1};  // one sweep for all that come at once
constexpr std::chrono::hours kStrayAge{1};     // a download may be about to record its file
constexpr std::size_t kPortion = 100;

}  // namespace

void QuarantineSweep::start() {
  spawn(loop_, "quarantine sweep", [this](yield_context yield) { run(yield); });
}

void QuarantineSweep::stop() {
  is_stopped_ = true;
  pause_.cancel();
}

void QuarantineSweep::wake() {
  if (!is_woken_) pause_.expires_after(kGathering);
  is_woken_ = true;
}

void QuarantineSweep::run(yield_context yield) {
  while (!is_stopped_) {
    const bool is_timely = !is_woken_;
    is_woken_ = false;
    auto swept = expire(yield);
    if (swept && is_timely && !is_stopped_) swept = remove_strays(yield);
    if (!swept && !is_stopped_) {
      log::warn("quarantine_sweep_failed", {{"error", swept.error().message}});
    }
    wait(yield);
  }
}

void QuarantineSweep::wait(yield_context yield) {
  const auto until = is_woken_ ? kGathering : std::chrono::seconds(kPause);
  pause_.expires_after(until);
  boost::system::error_code error;
  do {
    if (is_stopped_) return;
    pause_.async_wait(yield[error]);
  } while (error);  // wake() has set an earlier end
}

Result<void> QuarantineSweep::expire(yield_context yield) {
  const auto max_age = std::chrono::duration_cast<std::chrono::seconds>(limits_.max_age);
  for (std::size_t removed = kPortion; removed == kPortion && !is_stopped_;) {
    const auto rows =
        database_.query(yield, "SELECT media.expire_quarantine($1, $2, $3) AS media_id",
                        {std::to_string(max_age.count()), std::to_string(limits_.max_bytes),
                         std::to_string(kPortion)});
    if (!rows) return std::unexpected(rows.error());
    removed = rows->size();
    for (std::size_t row = 0; row < removed; ++row) {
      const std::string media_id(rows->text(row, "media_id"));
      log::info("quarantine_expired", {{"media_id", media_id}});
      if (auto gone = staging_.discard(yield, media_id); !gone) return gone;
    }
  }
  return {};
}

Result<void> QuarantineSweep::remove_strays(yield_context yield) {
  const auto names = staging_.quarantined(yield, kStrayAge);
  if (!names) return std::unexpected(names.error());
  if (names->empty()) return {};
  const auto rows = database_.query(yield, "SELECT media.unknown_to_quarantine($1) AS media_id",
                                    {db::text_array(*names)});
  if (!rows) return std::unexpected(rows.error());
  for (std::size_t row = 0; row < rows->size(); ++row) {
    if (auto gone = staging_.discard(yield, rows->text(row, "media_id")); !gone) return gone;
  }
  if (!rows->empty()) {
    log::info("quarantine_strays_removed", {{"files", static_cast<std::int64_t>(rows->size())}});
  }
  return {};
}

}  // namespace media::ops
