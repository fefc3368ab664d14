#pragma once

#include <functional>

#include <boost/asio/spawn.hpp>

#include "indexer/config.hpp"
#include "indexer/db/database.hpp"
#include "indexer/storage/stores.hpp"

namespace media::ops {

/// Runs a command's work with one database connection on a loop of its own,
/// and returns its result.
Result<std::string> with_database(
    const Config& config,
    const std::function<Result<std::string>(db::Database&, boost::asio::yield_context)>& work);

/// The same with the stores of the configuration.
Result<std::string> with_stores(
    const Config& config,
    const std::function<Result<std::string>(db::Database&, boost::asio::yield_context,
                                            storage::Stores&)>& work);

}  // namespace media::ops
