#include <algorithm>

#include "indexer/ops/backup/backup.hpp"
#include "indexer/ops/backup/blob_list.hpp"

namespace media::backup {
namespace {

constexpr std::uint64_t kDamaged = UINT64_MAX;  // a size that no content has

struct Found {
  std::string sha256;
  std::uint64_t size;
};

Result<void> verify_list(Manifest& manifest, UniqueFd list, const Inventory& inventory,
                         BackupReport& report) {
  BlobListReader reader(std::move(list));
  NamedFile file;
  Amount named;
  std::int64_t absent = 0;
  std::string last;
  for (;;) {
    const auto is_there = reader.next(file);
    if (!is_there) return std::unexpected(is_there.error());
    if (!*is_there) break;
    named.add(file.size);
    if (file.sha256 != last && inventory.find(file.sha256) != file.size) ++absent;
    last = file.sha256;
  }
  const std::int64_t told = manifest.deleted + manifest.missing + manifest.corrupt;
  if (named != manifest.named) {
    add_problem(report, manifest.snapshot + ": the list does not add up to the manifest");
  } else if (absent > told) {
    add_problem(report, manifest.snapshot + ": " + std::to_string(absent - told) +
                            " contents are missing or damaged");
  }
  return {};
}

Result<void> verify_snapshot(yield_context yield, Archive& archive, const std::string& snapshot,
                             const Inventory& inventory, BackupReport& report) {
  auto manifest = archive.manifest(yield, snapshot);
  if (!manifest) return std::unexpected(manifest.error());
  for (const SnapshotFile& file : manifest->files) {
    auto opened = archive.open_file(yield, snapshot, file);
    if (!opened) return std::unexpected(opened.error());
    if (file.name == kBlobList) {
      const auto verified = verify_list(*manifest, std::move(*opened), inventory, report);
      if (!verified) return verified;
    } else if (file.name.ends_with(".dump")) {
      if (auto checked = check_dump(opened->get()); !checked) return checked;
    }
  }
  return {};
}

}  // namespace

Result<Inventory> take_inventory(yield_context yield, Archive& archive, bool reads_all,
                                 BackupReport& report) {
  Inventory inventory;
  const auto take = [&](const Found& found) -> Result<void> {
    const auto is_sound = reads_all ? archive.is_sound(yield, found.sha256) : Result<bool>(true);
    if (!is_sound && is_sound.error().code != ErrorCode::storage) {
      return std::unexpected(is_sound.error());
    }
    inventory.add(found.sha256, is_sound.value_or(false) ? found.size : kDamaged);
    if (reads_all) report.verified.add(found.size);
    if (!is_sound.value_or(false)) {
      add_problem(report, blob_key(found.sha256) + " in the backup was damaged");
    }
    return {};
  };
  const auto listed =
      archive.store().list(yield, "blobs/", [&](const storage::ObjectInfo& object) -> Result<void> {
        const std::string sha256 = sha256_of_key(object.key);
        return sha256.empty() ? Result<void>() : take({sha256, object.size});
      });
  if (!listed) return std::unexpected(listed.error());
  inventory.sort();
  return inventory;
}

Result<void> verify_snapshots(yield_context yield, Archive& archive, const Inventory& inventory,
                              BackupReport& report) {
  const auto snapshots = archive.snapshots(yield);
  if (!snapshots) return std::unexpected(snapshots.error());
  for (const std::string& snapshot : snapshots->complete) {
    const auto verified = verify_snapshot(yield, archive, snapshot, inventory, report);
    if (!verified) add_problem(report, snapshot + ": " + verified.error().message);
  }
  return {};
}

}  // namespace media::backup
