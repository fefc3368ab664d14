#include <cstdio>
#include <cstdlib>

#include "indexer/ops/account_secrets.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/providers/registry.hpp"

namespace media::ops {
namespace {

Result<std::string> find_account(db::Database& database, boost::asio::yield_context yield,
                                 const CommandLine& line) {
  const auto rows = database.query(yield, "SELECT account_id FROM media.find_account($1, $2)",
                                   {line.provider, line.external_id});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) {
    return fail(ErrorCode::not_found,
                "no active " + line.provider + " account '" + line.external_id + "'");
  }
  return std::string(rows->text(0, "account_id"));
}

}  // namespace

Result<std::string> set_account(const Config& config, const CommandLine& line) {
  const providers::Registry registry(config);
  const auto provider = find_provider(registry, line.provider);
  if (!provider) return std::unexpected(provider.error());
  const auto secrets = load_secrets(line.secrets, [](const char* name) { return getenv(name); });
  if (!secrets) return std::unexpected(secrets.error());
  if (auto checked = check_secrets(**provider, line.secrets, *secrets); !checked) {
    return std::unexpected(checked.error());
  }
  const auto settings = settings_json(**provider, line.switches);
  if (!settings) return settings;
  const auto key = read_sealing_key(config.secrets.key_file);
  if (!key) return key;
  auto changed = with_database(
      config, [&](db::Database& database, boost::asio::yield_context yield) -> Result<std::string> {
        auto id = find_account(database, yield, line);
        if (!id) return id;
        const auto rows =
            database.query(yield, "SELECT media.change_account($1, $2, $3) AS is_changed",
                           {*id, sealed_json(**provider, *secrets, *key, *id), *settings});
        if (!rows) return std::unexpected(rows.error());
        if (!rows->boolean(0, "is_changed")) {
          return fail(ErrorCode::not_found, "the account was deleted meanwhile");
        }
        return id;
      });
  if (changed) {
    std::fprintf(stderr, "new secrets count at once, old ones and settings for up to 30 s more\n");
  }
  return changed;
}

}  // namespace media::ops
