#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "indexer/ops/backup/archive.hpp"
#include "indexer/ops/backup/manifest.hpp"

namespace media::backup {

struct RestoreOptions {
  std::string conninfo;
  std::string snapshot;  ///< empty: the newest
  std::string into;      ///< the store for all media; empty: each file's own
  bool is_dry_run = false;
};

struct RestoreReport {
  Manifest manifest;
  /// Files named by rows: these three are all of them.
  Amount written;               ///< with is_dry_run, that would be
  Amount present;               ///< an earlier attempt had brought them
  Amount absent;                ///< the backup has not got them either
  std::int64_t jobs_reset = 0;  ///< were running when the snapshot was taken
  bool has_registry = false;    ///< Sqitch knows what is deployed
};

/// Brings stores and database to the state of a snapshot: first the files, then, in one
/// transaction, the database. Error `conflict`: there is something already. An attempt
/// that failed can be repeated.
Result<RestoreReport> restore(yield_context yield, const RestoreOptions& options, Archive& archive,
                              storage::Stores& stores);

}  // namespace media::backup
