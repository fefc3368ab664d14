#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/recurring.hpp"
#include "indexer/storage/stores.hpp"

namespace media::ops {

/// Gives up uploads in parts that a crash cut off and nobody resumed: only those that
/// a daemon began, as the database remembers. Several daemons may do it at once.
class UploadUpkeep final : public Recurring {
 public:
  UploadUpkeep(boost::asio::io_context& loop, db::Database& database, storage::Stores& stores)
      : Recurring(loop, "upload upkeep"), database_(database), stores_(stores) {}

 private:
  std::chrono::seconds run_once(boost::asio::yield_context yield) override;
  Result<void> give_up_stale(boost::asio::yield_context yield);

  db::Database& database_;
  storage::Stores& stores_;
};

}  // namespace media::ops
