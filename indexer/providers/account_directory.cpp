#include "indexer/providers/account_directory.hpp"

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
  auto account = read(yield, provider, external_id);
  if (account) {
    remember(key, *account);
    return account;
  }
  const auto known = entries_.find(key);
  if (known == entries_.end()) return account;
  if (account.error().code == ErrorCode::not_found) entries_.erase(known);
  if (account.error().code != ErrorCode::unavailable) return account;
  known->second.read_at = Clock::now();  // or every request would wait for the database
  return known->second.account;
}

void AccountDirectory::remember(const std::string& key, std::shared_ptr<const Account> account) {
  if (entries_.size() >= kMaxEntries) entries_.clear();
  entries_[key] = Entry{std::move(account), Clock::now()};
}

Result<void> AccountDirectory::refresh(boost::asio::yield_context yield, std::string_view key) {
  const auto slash = key.find('/');
  if (slash == std::string_view::npos) return {};
  const auto account = read(yield, key.substr(0, slash), key.substr(slash + 1));
  if (account) {
    remember(std::string(key), *account);
    log::info("account_read", {{"account", std::string(key)}});
    return {};
  }
  // Better read at its next use than wrong.
  entries_.erase(std::string(key));
  if (account.error().code == ErrorCode::not_found) return {};
  return std::unexpected(account.error());
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
      const std::string key = key_of(rows->text(row, "provider"), rows->text(row, "external_id"));
      auto account =
          account_of(*rows, row, rows->text(row, "provider"), rows->text(row, "external_id"));
      if (account) {
        remember(key, std::move(*account));
      } else {
        log::warn("account_unusable", {{"account", key}, {"error", account.error().message}});
      }
    }
  }
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.read_at < begun; });
  return {};
}

Result<std::shared_ptr<const Account>> AccountDirectory::read(boost::asio::yield_context yield,
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
  return account_of(*rows, 0, provider, external_id);
}

Result<std::shared_ptr<const Account>> AccountDirectory::account_of(
    const db::Rows& rows, std::size_t row, std::string_view provider,
    std::string_view external_id) const {
  const std::string id(rows.text(row, "account_id"));
  auto secrets = unseal_secrets(sealing_key_, id, rows.text(row, "secrets"));
  if (!secrets) return std::unexpected(secrets.error());
  auto account = std::make_shared<Account>();
  account->id = id;
  account->company_id = rows.text(row, "company_id");
  account->provider = provider;
  account->external_id = external_id;
  account->secrets = std::move(*secrets);
  account->switches = switches_of(rows.text(row, "settings"));
  return std::shared_ptr<const Account>(std::move(account));
}

}  // namespace media::providers
