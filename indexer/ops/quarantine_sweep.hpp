#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/config.hpp"
#include "indexer/db/database.hpp"
#include "indexer/storage/staging.hpp"

namespace media::ops {

/// Keeps the quarantine within its limits: every hour, and soon after something
/// came into it. Several daemons may do it at once.
class QuarantineSweep {
 public:
  QuarantineSweep(boost::asio::io_context& loop, db::Database& database, storage::Staging& staging,
                  const QuarantineConfig& limits)
      : loop_(loop), database_(database), staging_(staging), limits_(limits), pause_(loop) {}

  void start();
  void stop();
  /// Something was added.
  void wake();

 private:
  void run(boost::asio::yield_context yield);
  void wait(boost::asio::yield_context yield);
  /// What is too old, or too much.
  Result<void> expire(boost::asio::yield_context yield);
  /// Files whose media is gone, or was never recorded.
  Result<void> remove_strays(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  db::Database& database_;
  storage::Staging& staging_;
  const QuarantineConfig& limits_;
  boost::asio::steady_timer pause_;
  bool is_woken_ = false;
  bool is_stopped_ = false;
};

}  // namespace media::ops
