#include "indexer/ops/database_session.hpp"

#include "indexer/coroutine.hpp"

namespace media::ops {

Result<std::string> with_database(
    const Config& config,
    const std::function<Result<std::string>(db::Database&, boost::asio::yield_context)>& work) {
  boost::asio::io_context loop(1);
  db::DatabaseOptions options;
  options.conninfo = config.database.conninfo;
  options.connections = 1;
  options.query_timeout = config.database.query_timeout;
  db::Database database(loop, options);
  Result<std::string> result = fail(ErrorCode::internal, "the command did not finish");
  spawn(loop, "command", [&](boost::asio::yield_context yield) {
    result = work(database, yield);
    database.close();
  });
  loop.run();
  return result;
}

}  // namespace media::ops
