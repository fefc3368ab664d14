#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>

#include "core/uuid.hpp"
#include "indexer/ingest/delivery_json.hpp"
#include "indexer/ingest/kept_delivery.hpp"
#include "indexer/json.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/progress_bar.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/providers/account_directory.hpp"
#include "indexer/providers/registry.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using ingest::KeptDelivery;

constexpr int kPage = 50;  // deliveries in memory; each may have some megabytes

struct Totals {
  std::int64_t deliveries = 0;
  std::int64_t messages = 0;  ///< that were missing, as media
  std::int64_t media = 0;
  std::vector<std::pair<std::string, std::string>> failures;  ///< delivery id, reason
};

/// "7d" is that long ago; anything else is the database's to read.
std::optional<std::string> moment(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto ago = parse_ttl(text);
  if (!ago) return text;
  const std::time_t then =
      std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - *ago);
  std::tm utc{};
  gmtime_r(&then, &utc);
  char iso[32];
  std::strftime(iso, sizeof(iso), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return std::string(iso);
}

std::optional<std::string> or_null(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return text;
}

// Reads kept deliveries as their provider's webhooks are read, and has the
// database add what is missing.
class Replayer {
 public:
  Replayer(const Config& config, const CommandLine& line, std::string sealing_key,
           db::Database& database)
      : line_(line),
        registry_(config),
        database_(database),
        accounts_(database, std::move(sealing_key)) {}

  /// Error: nothing, or not all, was looked at.
  Result<void> run(yield_context yield) {
    return line_.name.empty() ? replay_range(yield) : replay_named(yield);
  }

  const Totals& totals() const { return totals_; }

 private:
  Result<void> replay_named(yield_context yield);
  Result<void> replay_range(yield_context yield);
  void replay(yield_context yield, const KeptDelivery& kept);
  Result<void> try_replay(yield_context yield, const KeptDelivery& kept);
  Result<ingest::AccountIds> accounts_of(yield_context yield, const KeptDelivery& kept,
                                         const providers::Account& called);

  const CommandLine& line_;
  providers::Registry registry_;
  db::Database& database_;
  providers::AccountDirectory accounts_;
  Totals totals_;
};

Result<void> Replayer::replay_named(yield_context yield) {
  const auto rows = database_.query(
      yield,
      "SELECT delivery_id, company_id, provider, account_external_id, headers, body, received_at "
      "FROM media.find_deliveries($1)",
      {line_.name});
  if (!rows) return std::unexpected(rows.error());
  const auto found = ingest::kept_deliveries(*rows);
  if (found.empty()) {
    return fail(ErrorCode::not_found, "no delivery has the id or key '" + line_.name + "'");
  }
  if (found.size() > 1) {
    std::string ids;
    for (const KeptDelivery& kept : found)
      ids += "\n  " + kept.id + " of " + kept.provider + " " + printable(kept.account_external_id);
    return fail(ErrorCode::conflict, "several deliveries have this key; give the id of one:" + ids);
  }
  replay(yield, found.front());
  return {};
}

Result<void> Replayer::replay_range(yield_context yield) {
  db::Params range = {moment(line_.since), moment(line_.until), or_null(line_.provider),
                      or_null(line_.external_id)};
  const auto count =
      database_.query(yield, "SELECT media.count_deliveries($1, $2, $3, $4) AS total", range);
  if (!count) return std::unexpected(count.error());
  ProgressBar bar("deliveries", count->integer(0, "total"));
  range.insert(range.end(), {std::nullopt, std::to_string(kPage)});
  std::int64_t done = 0;
  for (std::size_t got = kPage; got == kPage;) {
    const auto rows = database_.query(
        yield,
        "SELECT delivery_id, company_id, provider, account_external_id, headers, body, received_at "
        "FROM media.list_deliveries($1, $2, $3, $4, $5, $6)",
        range);
    if (!rows) return std::unexpected(rows.error());
    const auto page = ingest::kept_deliveries(*rows);
    for (const KeptDelivery& kept : page) {
      replay(yield, kept);
      bar.set(++done);
    }
    got = page.size();
    if (!page.empty()) range[4] = page.back().id;
  }
  return {};
}

void Replayer::replay(yield_context yield, const KeptDelivery& kept) {
  ++totals_.deliveries;
  const auto done = try_replay(yield, kept);
  if (!done) totals_.failures.emplace_back(kept.id, done.error().message);
}

Result<void> Replayer::try_replay(yield_context yield, const KeptDelivery& kept) {
  const providers::Provider* provider = registry_.find(kept.provider);
  if (provider == nullptr) return fail(ErrorCode::not_found, "no provider " + kept.provider);
  const auto account = accounts_.find(yield, kept.provider, kept.account_external_id);
  if (!account) return std::unexpected(account.error());
  const auto delivery = provider->parse(request_of(kept, *provider), **account, kept.received_at);
  if (!delivery) return std::unexpected(delivery.error());
  const auto accounts = accounts_of(yield, kept, **account);
  if (!accounts) return std::unexpected(accounts.error());
  const auto rows = database_.query(
      yield, "SELECT messages_created, media_created FROM media.replay_delivery($1, $2, $3)",
      {kept.id, ingest::messages_json(*delivery, *accounts), line_.is_dry_run ? "true" : "false"});
  if (!rows) return std::unexpected(rows.error());
  totals_.messages += rows->integer(0, "messages_created");
  totals_.media += rows->integer(0, "media_created");
  return {};
}

// Which messages of other numbers the signature covered is not known any more:
// those of the same company are taken.
Result<ingest::AccountIds> Replayer::accounts_of(yield_context yield, const KeptDelivery& kept,
                                                 const providers::Account& called) {
  const auto company = Uuid::parse(kept.company_id);
  if (!company) return fail(ErrorCode::internal, "the delivery has no company");
  const auto rows = database_.query_as(
      yield, *company,
      "SELECT id, external_id FROM media.accounts WHERE provider = $1 AND is_active",
      {kept.provider});
  if (!rows) return std::unexpected(rows.error());
  ingest::AccountIds ids = {{"", called.id}};
  for (std::size_t row = 0; row < rows->size(); ++row) {
    ids.emplace(rows->text(row, "external_id"), rows->text(row, "id"));
  }
  return ids;
}

std::string totals_json(const Totals& totals, bool is_dry_run) {
  Json failures = Json::array();
  for (const auto& [id, reason] : totals.failures) {
    failures.push(Json::object().set("delivery_id", id).set("reason", reason));
  }
  return Json::object()
      .set("deliveries", totals.deliveries)
      .set("messages_created", totals.messages)
      .set("media_created", totals.media)
      .set("failures", failures)
      .set("is_dry_run", is_dry_run)
      .dump();
}

std::string totals_text(const Totals& totals, bool is_dry_run) {
  return "deliveries: " + std::to_string(totals.deliveries) +
         ", failed: " + std::to_string(totals.failures.size()) +
         "; messages made: " + std::to_string(totals.messages) +
         ", media made: " + std::to_string(totals.media) +
         (is_dry_run ? " (DRY RUN: none of it was kept)" : "");
}

}  // namespace

int replay(const Config& config, const CommandLine& line) {
  auto key = read_sealing_key(config.secrets.key_file);
  Totals totals;
  const auto done =
      !key ? key : with_database(config, [&](db::Database& database, yield_context yield) {
        Replayer replayer(config, line, std::move(*key), database);
        const auto ran = replayer.run(yield);
        totals = replayer.totals();
        return ran ? Result<std::string>("") : std::unexpected(ran.error());
      });
  for (const auto& [id, reason] : totals.failures) {
    std::fprintf(stderr, "delivery %s: %s\n", id.c_str(), printable(reason).c_str());
  }
  if (!done) std::fprintf(stderr, "media-indexer: %s\n", done.error().message.c_str());
  if (done || totals.deliveries > 0) {
    std::printf("%s\n", (line.as_json ? totals_json(totals, line.is_dry_run)
                                      : totals_text(totals, line.is_dry_run))
                            .c_str());
  }
  return done && totals.failures.empty() ? 0 : 1;
}

}  // namespace media::ops
