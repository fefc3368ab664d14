#include "indexer/providers/account_directory.hpp"

#include "indexer/json.hpp"

namespace media::providers {
namespace {

constexpr auto kValidFor = std::chrono::seconds(30);
// However many bad signatures arrive, a key is not read again more often.
constexpr auto kMinRereadInterval = std::chrono::seconds(1);
constexpr std::size_t kMaxEntries = 10000;

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
  const std::string key = std::string(provider) + "/" + std::string(external_id);
  if (const auto known = entries_.find(key); known != entries_.end()) {
    const auto age = Clock::now() - known->second.read_at;
    const auto valid_for = freshness == Freshness::cached ? kValidFor : kMinRereadInterval;
    if (age < valid_for) return known->second.account;
  }
  auto account = read(yield, provider, external_id);
  if (!account) {
    if (account.error().code == ErrorCode::not_found) entries_.erase(key);
    return account;
  }
  if (entries_.size() >= kMaxEntries) entries_.clear();
  entries_[key] = Entry{*account, Clock::now()};
  return account;
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
  const std::string id(rows->text(0, "account_id"));
  auto secrets = unseal_secrets(sealing_key_, id, rows->text(0, "secrets"));
  if (!secrets) return std::unexpected(secrets.error());
  auto account = std::make_shared<Account>();
  account->id = id;
  account->company_id = rows->text(0, "company_id");
  account->provider = provider;
  account->external_id = external_id;
  account->secrets = std::move(*secrets);
  account->switches = switches_of(rows->text(0, "settings"));
  return std::shared_ptr<const Account>(std::move(account));
}

}  // namespace media::providers
