#include <algorithm>
#include <cstdio>
#include <map>

#include "indexer/json.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/progress_bar.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

// One transaction each: small enough for all who wait for these rows.
constexpr std::int64_t kBatch = 500;

struct Totals {
  std::int64_t retried = 0;
  std::map<std::string, std::int64_t> left;  ///< how many were not, by their state
  std::int64_t asked_for() const {
    std::int64_t all = retried;
    for (const auto& [state, count] : left) all += count;
    return all;
  }
};

std::string totals_text(const Totals& totals, const CommandLine& line) {
  std::string text =
      std::to_string(totals.retried) + (line.is_dry_run ? " would be" : "") + " queued again";
  for (const auto& [state, count] : totals.left) {
    text += ", " + std::to_string(count) + " " + (state == "not_found" ? "not found" : state);
  }
  return text;
}

std::string totals_json(const Totals& totals, const CommandLine& line) {
  Json json = Json::object();
  json.set("dry_run", line.is_dry_run).set("retried", totals.retried);
  for (const char* state : {"completed", "downloading", "deleted", "not_found"}) {
    const auto found = totals.left.find(state);
    json.set(state, found == totals.left.end() ? 0 : found->second);
  }
  return json.dump();
}

Result<std::int64_t> retry_batch(db::Database& database, yield_context yield,
                                 const db::Params& filters, std::int64_t limit, bool is_dry_run,
                                 const std::string& before) {
  db::Params params = filters;
  params.emplace_back(std::to_string(limit));
  params.emplace_back(is_dry_run ? "true" : "false");
  params.emplace_back(before);
  const auto rows = database.query(
      yield,
      "SELECT media.retry_failed_downloads($1, $2, $3, $4, $5::int * interval '1 second',"
      " $6, $7, $8) AS count",
      params);
  if (!rows) return std::unexpected(rows.error());
  return rows->integer(0, "count");
}

Result<db::Params> filters_of(db::Database& database, yield_context yield,
                              const CommandLine& line) {
  db::Params filters(5);
  if (!line.company.empty()) {
    auto company = find_company(database, yield, line.company);
    if (!company) return std::unexpected(company.error());
    filters[0] = std::move(*company);
  }
  if (!line.provider.empty()) filters[1] = line.provider;
  if (!line.reason.empty()) filters[2] = line.reason;
  if (line.max_attempts) filters[3] = std::to_string(*line.max_attempts);
  if (line.max_age) filters[4] = std::to_string(line.max_age->count());
  return filters;
}

Result<Totals> retry_matching(db::Database& database, yield_context yield,
                              const CommandLine& line) {
  const auto filters = filters_of(database, yield, line);
  if (!filters) return std::unexpected(filters.error());
  // What fails again meanwhile is not taken up a second time.
  const auto clock = database.query(yield, "SELECT clock_timestamp()::text AS now");
  if (!clock) return std::unexpected(clock.error());
  const std::string before(clock->text(0, "now"));
  const std::int64_t limit = line.limit.value_or(INT32_MAX);
  const auto matching = retry_batch(database, yield, *filters, limit, true, before);
  if (!matching) return std::unexpected(matching.error());
  Totals totals;
  if (line.is_dry_run) {
    totals.retried = *matching;
    return totals;
  }
  ProgressBar bar("retry", *matching);
  while (totals.retried < *matching) {
    const std::int64_t batch = std::min(kBatch, *matching - totals.retried);
    const auto queued = retry_batch(database, yield, *filters, batch, false, before);
    if (!queued) return std::unexpected(queued.error());
    if (*queued == 0) break;  // somebody else was faster
    totals.retried += *queued;
    bar.set(totals.retried);
  }
  return totals;
}

Result<Totals> retry_named(db::Database& database, yield_context yield, const CommandLine& line) {
  Totals totals;
  ProgressBar bar("retry", static_cast<std::int64_t>(line.names.size()));
  for (const std::string& media : line.names) {
    const auto rows = database.query(yield, "SELECT media.retry_download($1, $2) AS outcome",
                                     {media, line.is_dry_run ? "true" : "false"});
    if (!rows) return std::unexpected(rows.error());
    const std::string outcome(rows->text(0, "outcome"));
    if (outcome == "retried") {
      ++totals.retried;
    } else {
      ++totals.left[outcome];
      std::fprintf(stderr, "%s: %s\n", media.c_str(),
                   outcome == "not_found" ? "there is no such media" : outcome.c_str());
    }
    bar.set(totals.asked_for());
  }
  return totals;
}

}  // namespace

Result<std::string> retry_downloads(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto totals = line.names.empty() ? retry_matching(database, yield, line)
                                               : retry_named(database, yield, line);
        if (!totals) return std::unexpected(totals.error());
        if (totals->left.contains("not_found") || totals->left.contains("deleted")) {
          return fail(ErrorCode::not_found, totals_text(*totals, line));
        }
        return line.as_json ? totals_json(*totals, line) : totals_text(*totals, line);
      });
}

}  // namespace media::ops
