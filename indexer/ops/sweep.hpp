#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/db/database.hpp"
#include "indexer/storage/blob_store.hpp"

namespace media::ops {

/// Removes stored files that nothing has referred to for the grace period.
/// The database decides which: a file is marked, then removed, then that is
/// noted, so that a kill at any point leaves it marked and the next sweep goes
/// on. Several daemons may do it at once.
class Sweep {
 public:
  Sweep(boost::asio::io_context& loop, db::Database& database, storage::BlobStore& store,
        std::chrono::seconds grace);

  void start();
  void stop();

 private:
  void run(boost::asio::yield_context yield);
  Result<void> sweep(boost::asio::yield_context yield);
  Result<void> give_up_blobs(boost::asio::yield_context yield);
  Result<std::vector<std::string>> claim(boost::asio::yield_context yield);
  Result<void> remove(boost::asio::yield_context yield, const std::vector<std::string>& keys);

  boost::asio::io_context& loop_;
  db::Database& database_;
  storage::BlobStore& store_;
  const std::chrono::seconds grace_;
  boost::asio::steady_timer pause_;
  bool is_stopped_ = false;
};

}  // namespace media::ops
