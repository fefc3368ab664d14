#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/error.hpp"
#include "indexer/providers/account_directory.hpp"

namespace media::ingest {

/// In the spool's directory.
inline constexpr std::string_view kKnownAccountsFile = "known_accounts";

/// The file's bytes: authenticated with a key made of the sealing key; secrets
/// stay sealed as the database has them.
std::string encode_accounts(std::string_view sealing_key,
                            const std::vector<providers::SealedAccount>& accounts);

/// Error `hash_mismatch`: damaged, or written with another key.
Result<std::vector<providers::SealedAccount>> decode_accounts(std::string_view sealing_key,
                                                              std::string_view file);

/// Keeps what the directory knows in a file, so that a daemon which is started
/// while the database is away can tell who has signed a webhook.
class KnownAccounts {
 public:
  KnownAccounts(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
                std::string directory, std::string sealing_key,
                providers::AccountDirectory& accounts);

  /// Once the spool's directory is there. A file that is not ours is logged and ignored.
  void recall();
  /// The file is to be as the directory.
  void keep();
  /// Waits until it is, but not for long.
  void drain(boost::asio::yield_context yield);

 private:
  void run(boost::asio::yield_context yield);
  Result<void> write(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  boost::asio::thread_pool& workers_;
  std::string directory_;
  std::string sealing_key_;
  providers::AccountDirectory& accounts_;
  boost::asio::steady_timer pause_;
  boost::asio::steady_timer ended_;
  bool is_stale_ = false;
  bool is_running_ = false;
  bool is_stopping_ = false;
};

}  // namespace media::ingest
