#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/db/database.hpp"
#include "indexer/providers/account.hpp"

namespace media::providers {

/// Provider accounts with their unsealed secrets, kept for a short time.
class AccountDirectory {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Freshness { cached, reread };

  AccountDirectory(db::Database& database, std::string sealing_key);

  /// Error `not_found`; `unavailable` when the database does not answer.
  Result<std::shared_ptr<const Account>> find(boost::asio::yield_context yield,
                                              std::string_view provider,
                                              std::string_view external_id,
                                              Freshness freshness = Freshness::cached);

 private:
  struct Entry {
    std::shared_ptr<const Account> account;
    Clock::time_point read_at;
  };

  Result<std::shared_ptr<const Account>> read(boost::asio::yield_context yield,
                                              std::string_view provider,
                                              std::string_view external_id);

  db::Database& database_;
  std::string sealing_key_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace media::providers
