#include <algorithm>
#include <charconv>

#include "indexer/ops/backup/backup.hpp"
#include "indexer/ops/backup/blob_list.hpp"

namespace media::backup {
namespace {

// Contents that are to stay, 8 bytes of memory each: taking one for another keeps it.
class Wanted {
 public:
  Result<void> add_all_of(yield_context yield, Archive& archive, const std::string& snapshot) {
    const auto manifest = archive.manifest(yield, snapshot);
    if (!manifest) return std::unexpected(manifest.error());
    auto file = archive.open_file(yield, snapshot, *manifest->find(kBlobList));
    if (!file) return std::unexpected(file.error());
    BlobListReader list(std::move(*file));
    NamedFile named;
    for (;;) {
      const auto is_there = list.next(named);
      if (!is_there) return std::unexpected(is_there.error());
      if (!*is_there) break;
      contents_.push_back(head_of(named.sha256));
    }
    std::ranges::sort(contents_);
    const auto repeated = std::ranges::unique(contents_);
    contents_.erase(repeated.begin(), repeated.end());
    return {};
  }
  bool has(std::string_view sha256) const {
    return std::ranges::binary_search(contents_, head_of(sha256));
  }

 private:
  static std::uint64_t head_of(std::string_view sha256) {
    std::uint64_t head = 0;
    std::from_chars(sha256.data(), sha256.data() + 16, head, 16);
    return head;
  }

  std::vector<std::uint64_t> contents_;
};

Result<void> remove_unwanted(yield_context yield, const Wanted& wanted, Archive& archive,
                             BackupReport& report) {
  return archive.store().list(
      yield, "blobs/", [&](const storage::ObjectInfo& object) -> Result<void> {
        const std::string sha256 = sha256_of_key(object.key);
        if (sha256.empty() || wanted.has(sha256)) return {};
        if (auto removed = archive.store().remove(yield, object.key); !removed) return removed;
        report.blobs_removed.add(object.size);
        return {};
      });
}

}  // namespace

Result<void> prune(yield_context yield, std::int64_t keep, Archive& archive, BackupReport& report) {
  const auto snapshots = archive.snapshots(yield);
  if (!snapshots) return std::unexpected(snapshots.error());
  const auto& all = snapshots->complete;
  report.snapshots = std::ssize(all);
  if (keep == 0) return {};
  if (!report.problems.empty()) {
    if (std::ssize(all) > keep) add_problem(report, "therefore, older snapshots were not removed");
    return {};
  }
  const auto old = all.size() - std::min(all.size(), static_cast<std::size_t>(keep));
  Wanted wanted;
  for (std::size_t i = old; i < all.size(); ++i) {
    if (auto added = wanted.add_all_of(yield, archive, all[i]); !added) {
      return std::unexpected(Error(added.error()).context("nothing is removed"));
    }
  }
  for (std::size_t i = 0; i < old; ++i) {
    if (auto removed = archive.remove_snapshot(yield, all[i]); !removed) return removed;
    ++report.snapshots_removed;
    --report.snapshots;
  }
  return remove_unwanted(yield, wanted, archive, report);
}

}  // namespace media::backup
