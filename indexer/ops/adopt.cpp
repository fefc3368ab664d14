#include <chrono>
#include <cstdio>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/coroutine.hpp"
#include "indexer/json.hpp"
#include "indexer/ops/adoption.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/progress_bar.hpp"
#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

// A site's own table may be large, and its index cold.
constexpr std::chrono::minutes kReadingTime{10};

AdoptionOptions options_of(const Config& config, const CommandLine& line) {
  AdoptionOptions options;
  options.source = line.table;
  options.root = line.root;
  options.company = line.company;
  options.store_root = config.storage.root;
  options.store = line.is_linking ? "local" : config.storage.default_store;
  options.is_linking = line.is_linking;
  options.is_dry_run = line.is_dry_run;
  return options;
}

std::string text_of(const AdoptionTally& tally, bool is_dry_run) {
  std::string text =
      text_table({{"", "files"},
                  {"found", std::to_string(tally.found)},
                  {is_dry_run ? "to be adopted" : "adopted", std::to_string(tally.adopted)},
                  {"bytes were there", std::to_string(tally.shared)},
                  {"already there", std::to_string(tally.already_there)},
                  {"failed", std::to_string(tally.failed)}});
  if (tally.renamed > 0) {
    text += "under another key, because theirs was taken: " + std::to_string(tally.renamed) + "\n";
  }
  return text + human_bytes(static_cast<std::int64_t>(tally.bytes));
}

std::string json_of(const AdoptionTally& tally, bool is_dry_run) {
  Json failures = Json::array();
  for (const auto& failure : tally.failures) {
    failures.push(Json::object()
                      .set("id", failure.id)
                      .set("path", failure.path)
                      .set("reason", failure.reason));
  }
  return Json::object()
      .set("dry_run", is_dry_run)
      .set("found", tally.found)
      .set("adopted", tally.adopted)
      .set("shared", tally.shared)
      .set("already_there", tally.already_there)
      .set("failed", tally.failed)
      .set("renamed", tally.renamed)
      .set("bytes", static_cast<std::int64_t>(tally.bytes))
      .set("failures", failures)
      .dump();
}

Result<void> go_through(yield_context yield, LegacyTable& table, Adoption& adoption,
                        const CommandLine& line) {
  if (auto opened = adoption.open(); !opened) return opened;
  if (auto opened = table.open(yield, line.columns); !opened) return opened;
  const auto total = table.count(yield);
  if (!total) return std::unexpected(total.error());
  ProgressBar bar("adopt", *total);
  for (;;) {
    const auto page = table.next(yield);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return {};
    for (const LegacyRow& row : *page) {
      adoption.adopt(yield, row);
      bar.set(adoption.tally().found);
    }
  }
}

db::DatabaseOptions database_options(std::string conninfo) {
  db::DatabaseOptions options;
  options.conninfo = std::move(conninfo);
  options.connections = 1;
  options.query_timeout = kReadingTime;
  return options;
}

}  // namespace

int adopt(const Config& config, const CommandLine& line) {
  boost::asio::io_context loop(1);
  boost::asio::thread_pool workers(2);
  db::Database ours(loop, database_options(config.database.conninfo));
  const auto uploads = storage::make_postgres_upload_journal(ours);
  const auto stores = storage::make_stores(loop, workers, config, uploads.get());
  db::Database theirs(
      loop, database_options(line.conninfo.empty() ? config.database.conninfo : line.conninfo));
  LegacyTable table(theirs, line.table);
  Adoption adoption(ours, *stores, options_of(config, line));
  adoption.on_failure([](const AdoptionTally::Failure& failure) {
    std::fprintf(stderr, "%s (id %s): %s\n", printable(failure.path).c_str(),
                 printable(failure.id).c_str(), printable(failure.reason).c_str());
  });
  Result<void> outcome = fail(ErrorCode::internal, "the command did not finish");
  spawn(loop, "command", [&](yield_context yield) {
    outcome = go_through(yield, table, adoption, line);
    stores->cancel_all();
    ours.close();
    theirs.close();
  });
  loop.run();
  const AdoptionTally& tally = adoption.tally();
  if (outcome || tally.found > 0) {
    std::printf(
        "%s\n",
        (line.as_json ? json_of(tally, line.is_dry_run) : text_of(tally, line.is_dry_run)).c_str());
  }
  if (!outcome) std::fprintf(stderr, "media-indexer: %s\n", outcome.error().message.c_str());
  return outcome && tally.adds_up() && tally.failed == 0 ? 0 : 1;
}

}  // namespace media::ops
