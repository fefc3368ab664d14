#pragma once

#include <memory>
#include <string>

#include "indexer/db/database.hpp"
#include "indexer/queue/job_store.hpp"

namespace media::queue {

/// The queue in Postgres, seen by one daemon. `owner` names it in leases.
std::unique_ptr<JobStore> make_postgres_job_store(boost::asio::io_context& loop,
                                                  db::Database& database, std::string owner,
                                                  std::chrono::seconds lease);

/// "host/process id/random": unique, and an operator finds the process by it.
std::string make_owner_name();

}  // namespace media::queue
