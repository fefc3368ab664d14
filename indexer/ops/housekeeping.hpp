#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/db/database.hpp"

namespace media::ops {

/// What the daemon does once a day: makes the partitions that the audit trail
/// will need, and deletes sessions and revocations whose time is over. Several
/// daemons may do it at once.
class Housekeeping {
 public:
  Housekeeping(boost::asio::io_context& loop, db::Database& database)
      : loop_(loop), database_(database), pause_(loop) {}

  void start();
  void stop();

 private:
  void run(boost::asio::yield_context yield);
  Result<void> keep_house(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  db::Database& database_;
  boost::asio::steady_timer pause_;
  bool is_stopped_ = false;
};

}  // namespace media::ops
