#include "indexer/ops/database_session.hpp"

#include <boost/asio/thread_pool.hpp>

#include "indexer/coroutine.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

Result<std::string> run(
    boost::asio::io_context& loop, const Config& config,
    const std::function<Result<std::string>(db::Database&, yield_context)>& work) {
  db::DatabaseOptions options;
  options.conninfo = config.database.conninfo;
  options.connections = 1;
  options.query_timeout = config.database.query_timeout;
  db::Database database(loop, options);
  Result<std::string> result = fail(ErrorCode::internal, "the command did not finish");
  spawn(loop, "command", [&](yield_context yield) {
    result = work(database, yield);
    database.close();
  });
  loop.run();
  return result;
}

}  // namespace

Result<std::string> with_database(
    const Config& config,
    const std::function<Result<std::string>(db::Database&, yield_context)>& work) {
  boost::asio::io_context loop(1);
  return run(loop, config, work);
}

Result<std::string> with_stores(
    const Config& config,
    const std::function<Result<std::string>(db::Database&, yield_context, storage::Stores&)>&
        work) {
  boost::asio::io_context loop(1);
  boost::asio::thread_pool workers(1);
  return run(loop, config, [&](db::Database& database, yield_context yield) {
    const auto journal = storage::make_postgres_upload_journal(database);
    const auto stores = storage::make_stores(loop, workers, config, journal.get());
    return work(database, yield, *stores);
  });
}

}  // namespace media::ops
