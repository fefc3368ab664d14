#include "indexer/ops/upload_upkeep.hpp"

#include "indexer/log.hpp"

namespace media::ops {
namespace {

constexpr std::chrono::hours kPause{1};
constexpr std::chrono::seconds kStale = std::chrono::days(2);  // longer than a job is retried
constexpr int kMost = 1000;

}  // namespace

std::chrono::seconds UploadUpkeep::run_once(boost::asio::yield_context yield) {
  const auto done = give_up_stale(yield);
  if (!done && !is_stopped()) log::warn("upload_upkeep_failed", {{"error", done.error().message}});
  return kPause;
}

Result<void> UploadUpkeep::give_up_stale(boost::asio::yield_context yield) {
  const auto rows = database_.query(
      yield, "SELECT store, upload_id, storage_key FROM media.stale_multipart_uploads($1, $2)",
      {std::to_string(kStale.count()), std::to_string(kMost)});
  if (!rows) return std::unexpected(rows.error());
  Result<void> outcome;
  for (std::size_t row = 0; row < rows->size() && !is_stopped(); ++row) {
    const std::string store(rows->text(row, "store"));
    const std::string upload(rows->text(row, "upload_id"));
    storage::BlobStore* found = stores_.find(store);
    if (found == nullptr) continue;  // another host's
    if (auto gone = found->abort_upload(yield, rows->text(row, "storage_key"), upload); !gone) {
      outcome = std::move(gone);
      continue;
    }
    const auto ended =
        database_.query(yield, "SELECT media.end_multipart_upload($1, $2)", {store, upload});
    if (!ended) return std::unexpected(ended.error());
    log::info("upload_given_up", {{"store", store}});
  }
  return outcome;
}

}  // namespace media::ops
