#pragma once

#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"
#include "indexer/ops/recurring.hpp"

namespace media::ops {

/// What the daemon does once a day: makes the partitions that the audit trail
/// will need, drops those that are kept no longer, and deletes sessions and
/// revocations whose time is over. Several daemons may do it at once.
class Housekeeping final : public Recurring {
 public:
  Housekeeping(boost::asio::io_context& loop, db::Database& database, int keep_event_months)
      : Recurring(loop, "housekeeping"),
        database_(database),
        keep_event_months_(std::to_string(keep_event_months)) {}

 private:
  std::chrono::seconds run_once(boost::asio::yield_context yield) override;
  Result<void> keep_house(boost::asio::yield_context yield);

  db::Database& database_;
  const std::string keep_event_months_;
};

}  // namespace media::ops
