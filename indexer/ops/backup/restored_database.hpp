#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "indexer/ops/backup/blob_list.hpp"
#include "indexer/ops/backup/operator_session.hpp"

namespace media::backup {

/// The database that a dump goes to.
class RestoredDatabase {
 public:
  static Result<RestoredDatabase> open(const std::string& conninfo);

  /// Error `conflict`: there is something in the schema media.
  Result<void> check_empty();
  /// Whether Sqitch has a registry there.
  Result<bool> has_registry();

  /// Roles that are missing, and the dump in one transaction.
  Result<void> load(int dump);
  /// What Sqitch has deployed.
  Result<void> load_registry(int dump);
  /// Makes rows fit the place where they are now: nobody holds a job, nothing waits to be
  /// removed, `deleted` are gone. Returns how many jobs were held.
  Result<std::int64_t> settle(const std::vector<NamedFile>& deleted, const std::string& into);

 private:
  RestoredDatabase(std::string conninfo, OperatorSession session)
      : conninfo_(std::move(conninfo)), session_(std::move(session)) {}
  Result<void> run_pg_restore(int dump, const std::vector<std::string>& options);
  Result<void> forget(const NamedFile& file);

  std::string conninfo_;
  OperatorSession session_;
};

}  // namespace media::backup
