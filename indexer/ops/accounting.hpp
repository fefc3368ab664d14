#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/db/database.hpp"

namespace media::ops {

/// Adds what happened to media to the daily figures, once a minute. Of several
/// daemons one does it at a time.
class Accounting {
 public:
  Accounting(boost::asio::io_context& loop, db::Database& database)
      : loop_(loop), database_(database), pause_(loop) {}

  void start();
  void stop();

 private:
  void run(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  db::Database& database_;
  boost::asio::steady_timer pause_;
  bool is_stopped_ = false;
};

/// Adds all that happened until now.
Result<void> fold_analytics(db::Database& database, boost::asio::yield_context yield);

}  // namespace media::ops
