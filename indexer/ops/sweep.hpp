#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/recurring.hpp"
#include "indexer/storage/stores.hpp"

namespace media::ops {

/// Removes stored files that nothing has referred to for the grace period.
/// The database decides which: a file is marked, then removed, then that is
/// noted, so that a kill at any point leaves it marked and the next sweep goes
/// on. Several daemons may do it at once.
class Sweep final : public Recurring {
 public:
  Sweep(boost::asio::io_context& loop, db::Database& database, storage::Stores& stores,
        std::chrono::seconds grace);

 private:
  std::chrono::seconds run_once(boost::asio::yield_context yield) override;
  Result<void> sweep(boost::asio::yield_context yield, storage::BlobStore& store);
  Result<void> give_up_blobs(boost::asio::yield_context yield);
  Result<std::vector<std::string>> claim(boost::asio::yield_context yield,
                                         const storage::BlobStore& store);
  Result<void> remove(boost::asio::yield_context yield, storage::BlobStore& store,
                      const std::vector<std::string>& keys);

  db::Database& database_;
  storage::Stores& stores_;
  const std::chrono::seconds grace_;
};

}  // namespace media::ops
