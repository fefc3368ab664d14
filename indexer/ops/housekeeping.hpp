#pragma once

#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/db/database.hpp"

namespace media::ops {

/// What the daemon does once a day: makes the partitions that the audit trail
/// will need, drops those that are kept no longer, and deletes sessions and
/// revocations whose time is over. Several daemons may do it at once.
class Housekeeping {
 public:
  Housekeeping(boost::asio::io_context& loop, db::Database& database, int keep_event_months)
      : loop_(loop),
        database_(database),
        keep_event_months_(std::to_string(keep_event_months)),
        pause_(loop) {}

  void start();
  void stop();

 private:
  void run(boost::asio::yield_context yield);
  Result<void> keep_house(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  db::Database& database_;
  const std::string keep_event_months_;
  boost::asio::steady_timer pause_;
  bool is_stopped_ = false;
};

}  // namespace media::ops
