#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/fsck_fault.hpp"

namespace media::ops {

/// Mends what is found, as far as it was asked to. No file is removed here: what
/// shall go is doomed, and stays where it is for the grace period.
class FsckRepair {
 public:
  FsckRepair(db::Database& database, const std::vector<std::string>& kinds, bool is_dry_run,
             std::chrono::seconds grace)
      : database_(database), kinds_(kinds), is_dry_run_(is_dry_run), grace_(grace) {}

  bool is_wanted(FaultKind kind) const;

  /// Of a row whose bytes are missing or wrong. The database looks once more whether the row
  /// still has this file; says in `fault` what came of it.
  Result<void> lose(boost::asio::yield_context yield, Fault& fault);
  /// Of untracked files of a run, which the database looks at once more.
  Result<void> doom(boost::asio::yield_context yield, const std::string& run,
                    std::vector<Fault>& faults);

 private:
  Result<std::string> lose_blob(boost::asio::yield_context yield, const Fault& fault);
  Result<std::string> lose_rendition(boost::asio::yield_context yield, const Fault& fault);

  db::Database& database_;
  const std::vector<std::string>& kinds_;
  const bool is_dry_run_;
  const std::chrono::seconds grace_;
};

}  // namespace media::ops
