#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "indexer/ops/backup/archive.hpp"
#include "indexer/ops/backup/inventory.hpp"
#include "indexer/ops/backup/manifest.hpp"

namespace media::backup {

struct BackupOptions {
  std::string conninfo;
  bool verifies_all = false;  ///< also what was there before
  std::int64_t keep = 0;      ///< this many snapshots; 0: all
};

struct BackupReport {
  Manifest manifest;
  /// Contents of the manifest: these, and those it calls deleted, missing and corrupt, are
  /// all of them.
  Amount written;
  Amount linked;                      ///< of the written: one more name of a stored file
  Amount present;                     ///< that an earlier backup had brought
  std::vector<std::string> problems;  ///< a line each; of very many the first hundred
  std::int64_t snapshots = 0;         ///< there are now
  std::int64_t snapshots_removed = 0;
  Amount blobs_removed;
  Amount verified;  ///< contents that were read again, but for those just written
};

/// Takes a snapshot of database and stores. What a run that was killed has written is
/// used by the next one. Error: there is no new snapshot, or (--keep) old ones are left.
Result<BackupReport> take_backup(yield_context yield, const Config& config,
                                 const BackupOptions& options, Archive& archive,
                                 storage::Stores& stores);

/// Removes all but the newest `keep` snapshots, and contents that no manifest names. Does
/// nothing when the report has problems, and is an error when a manifest that stays, or its
/// list, can't be read.
Result<void> prune(yield_context yield, std::int64_t keep, Archive& archive, BackupReport& report);

/// All contents of an archive. Reads them when `reads_all`, and takes what is not as its
/// name says for one of another size.
Result<Inventory> take_inventory(yield_context yield, Archive& archive, bool reads_all,
                                 BackupReport& report);

/// Looks at dumps, lists and manifests of all snapshots, and whether all contents that
/// they name are in the inventory.
Result<void> verify_snapshots(yield_context yield, Archive& archive, const Inventory& inventory,
                              BackupReport& report);

/// Keeps the first hundred.
void add_problem(BackupReport& report, std::string problem);

}  // namespace media::backup
