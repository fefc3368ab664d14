#include "indexer/ops/sweep.hpp"

#include <algorithm>

#include "indexer/log.hpp"

namespace media::ops {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kPortion = 100;  // of one statement
constexpr seconds kShortestPause{1};
constexpr seconds kLongestPause{300};
constexpr const char* kStore = "local";

}  // namespace

Sweep::Sweep(boost::asio::io_context& loop, db::Database& database, storage::BlobStore& store,
             seconds grace)
    : Recurring(loop, "sweep"), database_(database), store_(store), grace_(grace) {}

seconds Sweep::run_once(boost::asio::yield_context yield) {
  const auto swept = sweep(yield);
  if (!swept && !is_stopped()) log::warn("sweep_failed", {{"error", swept.error().message}});
  return std::clamp(grace_ / 4, kShortestPause, kLongestPause);
}

Result<void> Sweep::sweep(boost::asio::yield_context yield) {
  if (auto given_up = give_up_blobs(yield); !given_up) return given_up;
  while (!is_stopped()) {
    const auto keys = claim(yield);
    if (!keys) return std::unexpected(keys.error());
    if (keys->empty()) return {};
    if (auto removed = remove(yield, *keys); !removed) return removed;
  }
  return {};
}

Result<void> Sweep::give_up_blobs(boost::asio::yield_context yield) {
  for (std::int64_t done = kPortion; done == kPortion && !is_stopped();) {
    const auto rows = database_.query(yield, "SELECT media.give_up_blobs($1, $2) AS done",
                                      {std::to_string(grace_.count()), std::to_string(kPortion)});
    if (!rows) return std::unexpected(rows.error());
    done = rows->integer(0, "done");
  }
  return {};
}

Result<std::vector<std::string>> Sweep::claim(boost::asio::yield_context yield) {
  const auto rows =
      database_.query(yield, "SELECT key FROM media.claim_doomed_files($1, $2, $3) AS key",
                      {kStore, std::to_string(grace_.count()), std::to_string(kPortion)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::string> keys;
  keys.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row) keys.emplace_back(rows->text(row, "key"));
  return keys;
}

// What could not be removed stays claimed, and is tried again in a while.
Result<void> Sweep::remove(boost::asio::yield_context yield, const std::vector<std::string>& keys) {
  std::vector<std::string> gone;
  Result<void> outcome;
  for (const std::string& key : keys) {
    auto removed = store_.remove(yield, key);
    if (removed) {
      gone.push_back(key);
    } else {
      outcome = std::move(removed);
    }
  }
  if (gone.empty()) return outcome;
  log::info("files_removed", {{"count", static_cast<std::int64_t>(gone.size())}});
  const auto noted =
      database_.query(yield, "SELECT media.files_removed($1, $2)", {kStore, db::text_array(gone)});
  if (!noted) return std::unexpected(noted.error());
  return outcome;
}

}  // namespace media::ops
