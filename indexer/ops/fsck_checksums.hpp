#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/fsck_repair.hpp"
#include "indexer/ops/fsck_report.hpp"
#include "indexer/storage/blob_store.hpp"

namespace media::ops {

/// Reads the files of a store and compares their hashes with the database, in the order of
/// their keys. The database remembers how far it came, also when it is killed.
class FsckChecksums {
 public:
  FsckChecksums(db::Database& database, storage::BlobStore& store, FsckRepair& repair,
                FsckReport& report, FsckTotals& totals)
      : database_(database), store_(store), repair_(repair), report_(report), totals_(totals) {}

  /// With a budget: goes on where the last check ended, until so many bytes are read, at most
  /// once around; `remember`: so that the next goes on here. Without: all files. An error ends
  /// it; a file that can't be read is a finding.
  Result<void> run(boost::asio::yield_context yield, std::optional<std::int64_t> budget,
                   bool remember);

 private:
  /// From after one key to another, or the end; false: the budget is used up.
  Result<bool> read_range(boost::asio::yield_context yield, std::string after,
                          const std::optional<std::string>& until);
  Result<void> read_one(boost::asio::yield_context yield, Fault& fault, const std::string& sha256);
  /// Also counts what it reads.
  Result<std::string> hash_of(boost::asio::yield_context yield, Fault& fault);
  Result<void> tell_unreadable(Fault& fault, const Error& error);
  Result<void> settle(boost::asio::yield_context yield, Fault& fault, const std::string& sha256);
  Result<void> remember(boost::asio::yield_context yield, const std::string& key);
  bool is_enough() const { return budget_ && totals_.hashed_bytes >= *budget_; }

  db::Database& database_;
  storage::BlobStore& store_;
  FsckRepair& repair_;
  FsckReport& report_;
  FsckTotals& totals_;
  std::optional<std::int64_t> budget_;
  bool remembers_ = false;
  int unreadable_in_a_row_ = 0;
};

}  // namespace media::ops
