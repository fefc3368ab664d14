#include "indexer/ops/stats.hpp"

#include <algorithm>
#include <vector>

#include "core/uuid.hpp"
#include "indexer/ops/accounting.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/stats.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::string_view kSelectFailures =
    "SELECT reason, coalesce(sum(failed) FILTER (WHERE day >= today - 1), 0)::bigint "
    "AS since_yesterday, sum(failed)::bigint AS week "
    "FROM media.media_failures, (SELECT (now() AT TIME ZONE 'UTC')::date) AS t (today) "
    "WHERE company_id = $1 AND day >= today - 6 GROUP BY reason ORDER BY week DESC, reason";

struct CompanyStats {
  std::string id;
  std::string name;
  db::Rows buckets;
  db::Rows failures;
};

using Companies = std::vector<CompanyStats>;

std::string shown(std::string_view figure, std::int64_t value) {
  const bool is_size = figure.ends_with("bytes");
  return is_size ? human_bytes(value) : std::to_string(value);
}

/// Columns as wide as what is in them; the first one to the left.
std::string table(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths(lines[0].size());
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  std::string text;
  for (const auto& line : lines) {
    std::string row = "  ";
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string gap(widths[i] - line[i].size(), ' ');
      row += i == 0 ? line[i] + gap : "  " + gap + line[i];
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

std::string buckets_table(const db::Rows& rows) {
  std::vector<std::vector<std::string>> lines = {{"bucket", "files", "bytes", "contents", "stored",
                                                  "saved", "pending", "running", "failed",
                                                  "deleted", "oldest pending"}};
  std::vector<std::string> total = {"total"};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<std::string> line = {std::string(rows.text(row, "bucket"))};
    for (const char* figure : kStorageFigures) {
      line.push_back(shown(figure, rows.integer(row, figure)));
    }
    line.emplace_back(rows.text(row, "oldest_pending_at").substr(0, 19));
    lines.push_back(std::move(line));
  }
  for (const char* figure : kStorageFigures) {
    std::int64_t sum = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) sum += rows.integer(row, figure);
    total.push_back(shown(figure, sum));
  }
  lines.push_back(std::move(total));
  return table(lines);
}

std::string failures_table(const db::Rows& rows) {
  if (rows.empty()) return {};
  std::vector<std::vector<std::string>> lines = {{"failed because", "since yesterday", "7 days"}};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    lines.push_back({std::string(rows.text(row, "reason")),
                     std::string(rows.text(row, "since_yesterday")),
                     std::string(rows.text(row, "week"))});
  }
  return "\n" + table(lines);
}

std::string text_of(const Companies& companies) {
  std::string text;
  for (const CompanyStats& company : companies) {
    if (!text.empty()) text += "\n\n";
    text += company.name + " (" + company.id + ")\n" + buckets_table(company.buckets) +
            failures_table(company.failures);
    text.pop_back();
  }
  return text;
}

std::string json_of(const Companies& companies) {
  Json list = Json::array();
  for (const CompanyStats& company : companies) {
    Json json = storage_stats_json(company.buckets);
    json.set("id", company.id).set("name", company.name);
    Json failures = Json::array();
    for (std::size_t row = 0; row < company.failures.size(); ++row) {
      failures.push(Json::object()
                        .set("reason", company.failures.text(row, "reason"))
                        .set("since_yesterday", company.failures.integer(row, "since_yesterday"))
                        .set("week", company.failures.integer(row, "week")));
    }
    list.push(json.set("failures", failures));
  }
  return Json::object().set("companies", list).dump();
}

Result<CompanyStats> stats_of(db::Database& database, yield_context yield, const std::string& id,
                              std::string_view name) {
  const Uuid company = Uuid::parse(id).value();
  auto buckets = database.query_as(yield, company, kSelectStorageStats, {id});
  if (!buckets) return std::unexpected(buckets.error());
  auto failures = database.query_as(yield, company, kSelectFailures, {id});
  if (!failures) return std::unexpected(failures.error());
  return CompanyStats{id, std::string(name), std::move(*buckets), std::move(*failures)};
}

Result<Companies> all_stats(db::Database& database, yield_context yield,
                            const std::string& only_company) {
  const auto rows = database.query(yield, "SELECT company_id, name FROM media.list_companies()");
  if (!rows) return std::unexpected(rows.error());
  Companies companies;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const std::string id(rows->text(row, "company_id"));
    if (!only_company.empty() && id != only_company) continue;
    auto stats = stats_of(database, yield, id, rows->text(row, "name"));
    if (!stats) return std::unexpected(stats.error());
    companies.push_back(std::move(*stats));
  }
  return companies;
}

}  // namespace

Result<std::string> show_stats(const Config& config, const CommandLine& line) {
  return with_database(config,
                       [&](db::Database& database, yield_context yield) -> Result<std::string> {
                         std::string company;
                         if (!line.company.empty()) {
                           auto found = find_company(database, yield, line.company);
                           if (!found) return found;
                           company = std::move(*found);
                         }
                         if (auto folded = fold_analytics(database, yield); !folded) {
                           return std::unexpected(folded.error());
                         }
                         const auto companies = all_stats(database, yield, company);
                         if (!companies) return std::unexpected(companies.error());
                         return line.as_json ? json_of(*companies) : text_of(*companies);
                       });
}

}  // namespace media::ops
