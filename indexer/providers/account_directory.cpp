#include "indexer/providers/account_directory.hpp"

#include <algorithm>

#include "indexer/json.hpp"
#include "indexer/log.hpp"

namespace media::providers {
namespace {

constexpr auto kValidFor = std::chrono::seconds(30);
// However many bad signatures arrive, a key is not read again more often.
constexpr auto kMinRereadInterval = std::chrono::seconds(1);
constexpr std::size_t kMaxEntries = 100000;
constexpr std::size_t kPage = 500;
constexpr std::string_view kBeforeAll = "00000000-0000-0000-0000-000000000000";

std::string key_of(std::string_view provider, std::string_view external_id) {
  return std::string(provider) + "/" + std::string(external_id);
}

std::set<std::string, std::less<>> switches_of(std::string_view settings_json) {
  std::set<std::string, std::less<>> switches;
  const auto settings = Json::parse(settings_json);
  if (!settings) return switches;
  for (const std::string& name : settings->names()) {
    if ((*settings)[name].is_true()) switches.insert(name);
  }
  return switches;
}

SealedAccount sealed_account(const db::Rows& rows, std::size_t row, std::string_view provider,
                             std::string_view external_id) {
  SealedAccount sealed;
  sealed.id = rows.text(row, "account_id");
  sealed.company_id = rows.text(row, "company_id");
  sealed.provider = provider;
  sealed.external_id = external_id;
  sealed.settings = rows.text(row, "settings");
  sealed.secrets = rows.text(row, "secrets");
  return sealed;
}

}  // namespace

AccountDirectory::AccountDirectory(db::Database& database, std::string sealing_key)
    : database_(database), sealing_key_(std::move(sealing_key)) {}

Result<std::shared_ptr<const Account>> AccountDirectory::find(boost::asio::yield_context yield,
                                                              std::string_view provider,
                                                              std::string_view external_id,
                                                              Freshness freshness) {
  const std::string key = key_of(provider, external_id);
  if (const auto known = entries_.find(key); known != entries_.end()) {
    const auto age = Clock::now() - known->second.read_at;
    const auto valid_for = freshness == Freshness::cached ? kValidFor : kMinRereadInterval;
    if (age < valid_for) return known->second.account;
  }
  auto entry = read(yield, provider, external_id);
  if (entry) {
    auto account = entry->account;
    remember(std::move(*entry));
    return account;
  }
  const auto known = entries_.find(key);
  if (known == entries_.end()) return std::unexpected(entry.error());
  if (entry.error().code == ErrorCode::not_found) forget(key);
  if (entry.error().code != ErrorCode::unavailable) return std::unexpected(entry.error());
  known->second.read_at = Clock::now();  // or every request would wait for the database
  return known->second.account;
}

void AccountDirectory::remember(Entry entry) {
  if (entries_.size() >= kMaxEntries) entries_.clear();
  Entry& known = entries_[key_of(entry.sealed.provider, entry.sealed.external_id)];
  const bool is_changed = known.sealed != entry.sealed;
  known = std::move(entry);
  if (is_changed) tell_();
}

void AccountDirectory::forget(const std::string& key) {
  if (entries_.erase(key) > 0) tell_();
}

void AccountDirectory::recall(std::vector<SealedAccount> accounts) {
  for (SealedAccount& sealed : accounts) {
    const std::string key = key_of(sealed.provider, sealed.external_id);
    auto entry = open(std::move(sealed));
    if (entry) {
      entries_[key] = std::move(*entry);
    } else {
      log::warn("account_unusable", {{"account", key}, {"error", entry.error().message}});
    }
  }
  doubt();
}

void AccountDirectory::doubt() {
  const auto long_ago = Clock::now() - kValidFor;
  for (auto& [key, entry] : entries_) entry.read_at = std::min(entry.read_at, long_ago);
}

std::vector<SealedAccount> AccountDirectory::known() const {
  std::vector<SealedAccount> accounts;
  accounts.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) accounts.push_back(entry.sealed);
  return accounts;
}

Result<void> AccountDirectory::refresh(boost::asio::yield_context yield, std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return {};
  auto entry = read(yield, key.substr(0, slash), key.substr(slash + 1));
  if (entry) {
    remember(std::move(*entry));
    log::info("account_read", {{"account", std::string(key)}});
    return {};
  }
  // Better read at its next use than wrong.
  forget(std::string(key));
  if (entry.error().code == ErrorCode::not_found) return {};
  return std::unexpected(entry.error());
}

Result<void> AccountDirectory::load(boost::asio::yield_context yield) {
  const auto begun = Clock::now();
  std::string last(kBeforeAll);
  for (std::size_t count = kPage; count == kPage && entries_.size() + kPage <= kMaxEntries;) {
    const auto rows =
        database_.query(yield,
                        "SELECT provider, external_id, account_id, company_id, settings, secrets "
                        "FROM media.list_accounts($1, $2)",
                        {last, std::to_string(kPage)});
    if (!rows) return std::unexpected(rows.error());
    count = rows->size();
    for (std::size_t row = 0; row < count; ++row) {
      last = rows->text(row, "account_id");
      auto entry = open(
          sealed_account(*rows, row, rows->text(row, "provider"), rows->text(row, "external_id")));
      if (entry) {
        remember(std::move(*entry));
      } else {
        const std::string key = key_of(rows->text(row, "provider"), rows->text(row, "external_id"));
        log::warn("account_unusable", {{"account", key}, {"error", entry.error().message}});
      }
    }
  }
  const auto gone =
      std::erase_if(entries_, [&](const auto& entry) { return entry.second.read_at < begun; });
  if (gone > 0) tell_();
  return {};
}

Result<AccountDirectory::Entry> AccountDirectory::read(boost::asio::yield_context yield,
                                                       std::string_view provider,
                                                       std::string_view external_id) {
  const db::Params params = {std::string(provider), std::string(external_id)};
  const auto rows = database_.query(
      yield, "SELECT account_id, company_id, settings, secrets FROM media.find_account($1, $2)",
      params);
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) {
    return fail(ErrorCode::not_found,
                "no account " + std::string(external_id) + " of provider " + std::string(provider));
  }
  return open(sealed_account(*rows, 0, provider, external_id));
}

Result<AccountDirectory::Entry> AccountDirectory::open(SealedAccount sealed) const {
  auto secrets = unseal_secrets(sealing_key_, sealed.id, sealed.secrets);
  if (!secrets) return std::unexpected(secrets.error());
  auto account = std::make_shared<Account>();
  account->id = sealed.id;
  account->company_id = sealed.company_id;
  account->provider = sealed.provider;
  account->external_id = sealed.external_id;
  account->secrets = std::move(*secrets);
  account->switches = switches_of(sealed.settings);
  return Entry{std::move(account), std::move(sealed), Clock::now()};
}

}  // namespace media::providers
