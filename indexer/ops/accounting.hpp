#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/recurring.hpp"

namespace media::ops {

/// Adds what happened to media to the daily figures, once a minute. Of several
/// daemons one does it at a time.
class Accounting final : public Recurring {
 public:
  Accounting(boost::asio::io_context& loop, db::Database& database)
      : Recurring(loop, "accounting"), database_(database) {}

 private:
  std::chrono::seconds run_once(boost::asio::yield_context yield) override;

  db::Database& database_;
};

/// Adds all that happened until now.
Result<void> fold_analytics(db::Database& database, boost::asio::yield_context yield);

}  // namespace media::ops
