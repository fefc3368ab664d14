#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "core/encoding.hpp"
#include "core/uuid.hpp"
#include "indexer/ops/account_secrets.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/providers/registry.hpp"

namespace media::ops {
namespace {

// The id is ours to choose: sealing binds the secrets to it.
std::string new_account_id() {
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return Uuid::v7(static_cast<std::uint64_t>(now.count())).to_string();
}

}  // namespace

Result<std::string> add_account(const Config& config, const CommandLine& line) {
  const providers::Registry registry(config);
  const auto provider = find_provider(registry, line.provider);
  if (!provider) return std::unexpected(provider.error());
  if (auto checked = (*provider)->check_external_id(line.external_id); !checked) {
    return std::unexpected(checked.error());
  }
  const auto secrets = load_secrets(line.secrets, [](const char* name) { return getenv(name); });
  if (!secrets) return std::unexpected(secrets.error());
  auto checked = check_secrets(**provider, line.secrets, *secrets);
  if (checked) checked = check_required_secrets(**provider, *secrets);
  if (!checked) return std::unexpected(checked.error());
  const auto settings = settings_json(**provider, line.switches);
  if (!settings) return settings;
  const auto key = read_sealing_key(config.secrets.key_file);
  if (!key) return key;
  const std::string id = new_account_id();
  const std::string sealed = sealed_json(**provider, *secrets, *key, id);
  auto added = with_database(
      config, [&](db::Database& database, boost::asio::yield_context yield) -> Result<std::string> {
        const auto company = find_company(database, yield, line.company);
        if (!company) return company;
        const auto rows =
            database.query(yield, "SELECT media.add_account($1, $2, $3, $4, $5, $6) AS value",
                           {id, *company, line.provider, line.external_id, sealed, *settings});
        if (!rows) return std::unexpected(rows.error());
        return std::string(rows->text(0, "value"));
      });
  if (!added && added.error().code == ErrorCode::conflict) {
    return fail(ErrorCode::conflict,
                line.provider + " account '" + line.external_id + "' is there already");
  }
  if (!added) return added;
  std::fprintf(stderr, "account %s; give this webhook URL to %s:\n", added->c_str(),
               line.provider.c_str());
  return config.server.public_url + "/webhooks/" + line.provider + "/" +
         percent_encode(line.external_id);
}

}  // namespace media::ops
