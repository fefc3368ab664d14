#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/db/backoff.hpp"
#include "indexer/db/listener.hpp"
#include "indexer/providers/account_directory.hpp"

namespace media::providers {

/// Keeps the directory as the database has it: all accounts whenever the
/// connection is made, then each that changes.
class AccountWatch {
 public:
  /// `on_connect` runs whenever the database is there (again).
  AccountWatch(boost::asio::io_context& loop, AccountDirectory& directory, std::string conninfo,
               std::function<void()> on_connect);

  void start() { listener_.start(); }
  void stop();

 private:
  void notice(std::string_view key);
  void run(boost::asio::yield_context yield);
  Result<void> read_next(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  AccountDirectory& directory_;
  std::function<void()> on_connect_;
  boost::asio::steady_timer pause_;
  db::Backoff backoff_;
  std::set<std::string> changed_;  ///< keys of accounts; the empty one: all
  bool is_running_ = false;
  bool is_stopped_ = false;
  db::Listener listener_;
};

}  // namespace media::providers
