#include "indexer/ops/sweep.hpp"

#include <algorithm>

#include "indexer/log.hpp"

namespace media::ops {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kPortion = 100;  // of one statement
constexpr seconds kShortestPause{1};
constexpr seconds kLongestPause{300};

}  // namespace

Sweep::Sweep(boost::asio::io_context& loop, db::Database& database, storage::Stores& stores,
             seconds grace)
    : Recurring(loop, "sweep"), database_(database), stores_(stores), grace_(grace) {}

seconds Sweep::run_once(boost::asio::yield_context yield) {
  const auto report = [this](const Result<void>& done) {
    if (!done && !is_stopped()) log::warn("sweep_failed", {{"error", done.error().message}});
  };
  report(give_up_blobs(yield));
  // One store that is away does not keep the others from being swept.
  for (storage::BlobStore* store : stores_.all()) report(sweep(yield, *store));
  return std::clamp(grace_ / 4, kShortestPause, kLongestPause);
}

Result<void> Sweep::sweep(boost::asio::yield_context yield, storage::BlobStore& store) {
  while (!is_stopped()) {
    const auto keys = claim(yield, store);
    if (!keys) return std::unexpected(keys.error());
    if (keys->empty()) return {};
    if (auto removed = remove(yield, store, *keys); !removed) return removed;
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

Result<std::vector<std::string>> Sweep::claim(boost::asio::yield_context yield,
                                              const storage::BlobStore& store) {
  const auto rows = database_.query(
      yield, "SELECT key FROM media.claim_doomed_files($1, $2, $3) AS key",
      {std::string(store.name()), std::to_string(grace_.count()), std::to_string(kPortion)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::string> keys;
  keys.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row) keys.emplace_back(rows->text(row, "key"));
  return keys;
}

// What could not be removed stays claimed, and is tried again in a while.
Result<void> Sweep::remove(boost::asio::yield_context yield, storage::BlobStore& store,
                           const std::vector<std::string>& keys) {
  std::vector<std::string> gone;
  Result<void> outcome;
  for (const std::string& key : keys) {
    auto removed = store.remove(yield, key);
    if (removed) {
      gone.push_back(key);
    } else {
      outcome = std::move(removed);
    }
  }
  if (gone.empty()) return outcome;
  log::info("files_removed", {{"store", std::string(store.name())},
                              {"count", static_cast<std::int64_t>(gone.size())}});
  const auto noted = database_.query(yield, "SELECT media.files_removed($1, $2)",
                                     {std::string(store.name()), db::text_array(gone)});
  if (!noted) return std::unexpected(noted.error());
  return outcome;
}

}  // namespace media::ops
