#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"

namespace media::db {

/// Lets statements that are asked for at the same time share a transaction, and
/// so its one commit to disk: while one is under way, those who come wait, and
/// go together in the next one. One that fails takes none of the others with it:
/// all of them are run again, each by itself.
class GroupCommit {
 public:
  GroupCommit(boost::asio::io_context& loop, Database& database);
  ~GroupCommit();

  /// As Database::query(). Those of one transaction run in the order of `order`,
  /// which is that in which everybody locks the rows: else two could deadlock.
  Result<Rows> query(boost::asio::yield_context yield, Statement statement, std::string order = {});

 private:
  struct Caller;
  using Callers = std::vector<std::shared_ptr<Caller>>;

  Callers take_waiting();
  void run(boost::asio::yield_context yield, const Callers& callers);
  void let_next_begin();

  boost::asio::io_context& loop_;
  Database& database_;
  bool is_busy_ = false;
  std::deque<std::shared_ptr<Caller>> waiting_;
};

}  // namespace media::db
