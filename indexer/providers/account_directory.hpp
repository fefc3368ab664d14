#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/db/database.hpp"
#include "indexer/providers/account.hpp"
#include "indexer/providers/sealed_account.hpp"

namespace media::providers {

/// Provider accounts with their unsealed secrets. All are known from the start
/// and read again after a while, or when the database tells of a change; while
/// it is away, what was known holds.
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

  /// Reads all accounts; forgets those that are gone.
  Result<void> load(boost::asio::yield_context yield);
  /// Reads one again that has changed; `key` is "provider/external id".
  Result<void> refresh(boost::asio::yield_context yield, std::string_view key);

  /// What an earlier daemon knew: holds while the database does not answer.
  void recall(std::vector<SealedAccount> accounts);
  /// All are read again before they count, if the database answers.
  void doubt();
  std::vector<SealedAccount> known() const;
  std::size_t size() const { return entries_.size(); }
  /// Runs whenever known() is another than before.
  void on_change(std::function<void()> tell) { tell_ = std::move(tell); }

 private:
  struct Entry {
    std::shared_ptr<const Account> account;
    SealedAccount sealed;
    Clock::time_point read_at;
  };
  using Entries = std::unordered_map<std::string, Entry>;

  Result<Entry> read(boost::asio::yield_context yield, std::string_view provider,
                     std::string_view external_id);
  Result<Entry> open(SealedAccount sealed) const;
  void remember(Entry entry);
  void forget(const std::string& key);

  db::Database& database_;
  std::string sealing_key_;
  Entries entries_;
  std::function<void()> tell_ = [] {};
};

}  // namespace media::providers
