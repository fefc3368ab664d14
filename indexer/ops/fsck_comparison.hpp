#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/fsck_repair.hpp"
#include "indexer/ops/fsck_report.hpp"
#include "indexer/storage/blob_store.hpp"

namespace media::ops {

/// Compares what a store has with what the database says, both ways. The listing goes to the
/// database in portions, which finds the differences; memory does not grow with the store.
class FsckComparison {
 public:
  FsckComparison(db::Database& database, storage::BlobStore& store, FsckRepair& repair,
                 FsckReport& report, FsckTotals& totals)
      : database_(database), store_(store), repair_(repair), report_(report), totals_(totals) {}

  /// Leaves alone what is younger than that. Any error ends it: half a listing proves nothing.
  Result<void> run(boost::asio::yield_context yield, std::chrono::seconds min_age);

 private:
  /// A portion of the listing, on its way to the database.
  struct Portion {
    std::vector<std::string> keys, sizes, times;
  };

  Result<void> start(boost::asio::yield_context yield, std::chrono::seconds min_age);
  Result<void> list(boost::asio::yield_context yield);
  Result<void> take(boost::asio::yield_context yield, const storage::ObjectInfo& object);
  Result<void> send(boost::asio::yield_context yield);
  Result<void> check_plausible() const;
  Result<void> find_faulty(boost::asio::yield_context yield);
  /// False: it is all right by now, or the row has gone.
  Result<bool> confirm(boost::asio::yield_context yield, Fault& fault);
  Result<void> find_untracked(boost::asio::yield_context yield);
  void finish(boost::asio::yield_context yield);

  db::Database& database_;
  storage::BlobStore& store_;
  FsckRepair& repair_;
  FsckReport& report_;
  FsckTotals& totals_;
  Portion portion_;
  std::string run_;  ///< id of the run
};

}  // namespace media::ops
