#include <algorithm>
#include <cstdio>

#include "indexer/json.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/progress_bar.hpp"
#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::string_view kPortion = "500";
constexpr std::string_view kFirst = "00000000-0000-0000-0000-000000000000";
constexpr const char* kAll = "*";

std::optional<std::string> optional(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

Result<void> find_bucket(db::Database& database, yield_context yield, const std::string& name) {
  if (name.empty()) return {};
  const auto rows = database.query(yield, "SELECT name FROM media.buckets WHERE name = $1", {name});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorCode::not_found, "there is no bucket '" + name + "'");
  return {};
}

/// Days, company and bucket as the SQL functions take them; nothing stands for any.
Result<db::Params> filters_of(db::Database& database, yield_context yield,
                              const CommandLine& line) {
  db::Params filters = {optional(line.days), std::nullopt, optional(line.bucket)};
  if (line.days == "forever") filters[0] = std::nullopt;
  if (auto found = find_bucket(database, yield, line.bucket); !found) {
    return std::unexpected(found.error());
  }
  if (line.company.empty()) return filters;
  auto company = find_company(database, yield, line.company);
  if (!company) return std::unexpected(company.error());
  filters[1] = std::move(*company);
  return filters;
}

struct Totals {
  std::int64_t media = 0;
  std::int64_t bytes = 0;
  std::int64_t freed = 0;
};

Totals totals_of(const db::Rows& rows) {
  Totals totals;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    totals.media += rows.integer(row, "media");
    totals.bytes += rows.integer(row, "bytes");
    totals.freed += rows.integer(row, "freed");
  }
  return totals;
}

std::string cleanup_json(const db::Rows& rows, std::int64_t deleted, bool is_dry_run) {
  Json groups = Json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json group = Json::object();
    for (const char* name : {"company_id", "company", "bucket"}) {
      group.set(name, rows.text(row, name));
    }
    for (const char* name : {"keep_days", "media", "bytes", "freed"}) {
      group.set(name, rows.integer(row, name));
    }
    groups.push(group);
  }
  const Totals totals = totals_of(rows);
  Json json = Json::object();
  json.set("dry_run", is_dry_run).set("old", groups).set("media", totals.media);
  json.set("bytes", totals.bytes).set("freed", totals.freed).set("deleted", deleted);
  return json.dump();
}

std::string cleanup_text(const db::Rows& rows, std::int64_t deleted, bool is_dry_run) {
  const Totals totals = totals_of(rows);
  std::vector<std::vector<std::string>> lines = {
      {"company", "bucket", "kept days", "media", "bytes", "freed bytes"}};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    std::vector<std::string> line = {printable(rows.text(row, "company"))};
    for (const char* name : {"bucket", "keep_days", "media", "bytes", "freed"}) {
      line.emplace_back(rows.text(row, name));
    }
    lines.push_back(std::move(line));
  }
  lines.push_back({"total", "", "", std::to_string(totals.media), std::to_string(totals.bytes),
                   std::to_string(totals.freed)});
  const std::string table = rows.empty() ? "" : text_table(lines);
  return table + std::to_string(is_dry_run ? totals.media : deleted) + " media " +
         (is_dry_run ? "would be " : "") + "deleted";
}

Result<std::int64_t> delete_old(db::Database& database, yield_context yield, db::Params params,
                                std::int64_t expected) {
  params.emplace_back(kFirst);
  params.emplace_back(kPortion);
  ProgressBar bar("cleanup", expected);
  for (std::int64_t deleted = 0;;) {
    const auto rows = database.query(
        yield, "SELECT deleted, last_id FROM media.delete_old_media($1, $2, $3, $4, $5)", params);
    if (!rows) return std::unexpected(rows.error());
    deleted += rows->integer(0, "deleted");
    bar.set(deleted);
    params[3] = rows->optional_text(0, "last_id");
    if (!params[3]) return deleted;
  }
}

Result<std::string> clean_up_now(db::Database& database, yield_context yield,
                                 const CommandLine& line) {
  const auto filters = filters_of(database, yield, line);
  if (!filters) return std::unexpected(filters.error());
  const auto old =
      database.query(yield,
                     "SELECT company_id, company, bucket, keep_days, media, bytes, freed "
                     "FROM media.count_old_media($1, $2, $3)",
                     *filters);
  if (!old) return std::unexpected(old.error());
  std::int64_t deleted = 0;
  if (!line.is_dry_run) {
    const auto done = delete_old(database, yield, *filters, totals_of(*old).media);
    if (!done) return std::unexpected(done.error());
    deleted = *done;
  }
  return line.as_json ? cleanup_json(*old, deleted, line.is_dry_run)
                      : cleanup_text(*old, deleted, line.is_dry_run);
}

std::string rules_json(const db::Rows& rows) {
  Json list = Json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json rule = Json::object();
    for (const char* name : {"company_id", "company", "bucket"}) {
      rule.set_or_null(name, rows.optional_text(row, name));
    }
    if (rows.is_null(row, "keep_days")) {
      rule.set_null("keep_days");
    } else {
      rule.set("keep_days", rows.integer(row, "keep_days"));
    }
    list.push(rule);
  }
  return list.dump();
}

std::string rules_text(const db::Rows& rows) {
  std::vector<std::vector<std::string>> lines = {{"company", "bucket", "kept days"}};
  for (std::size_t row = 0; row < rows.size(); ++row) {
    lines.push_back({printable(rows.optional_text(row, "company").value_or(kAll)),
                     rows.optional_text(row, "bucket").value_or(kAll),
                     rows.optional_text(row, "keep_days").value_or("forever")});
  }
  std::string text = text_table(lines);
  text.pop_back();
  return text;
}

/// A command that looks at all media.
Result<std::string> with_patience(
    Config config, const std::function<Result<std::string>(db::Database&, yield_context)>& work) {
  config.database.query_timeout = std::chrono::hours(1);
  return with_database(config, work);
}

}  // namespace

Result<std::string> clean_up(const Config& config, const CommandLine& line) {
  return with_patience(config, [&](db::Database& database, yield_context yield) {
    return clean_up_now(database, yield, line);
  });
}

Result<std::string> set_retention(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto filters = filters_of(database, yield, line);
        if (!filters) return std::unexpected(filters.error());
        const auto set =
            database.query(yield, "SELECT media.set_retention_rule($2, $3, $1)", *filters);
        if (!set) return std::unexpected(set.error());
        return std::string();
      });
}

Result<std::string> remove_retention(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto filters = filters_of(database, yield, line);
        if (!filters) return std::unexpected(filters.error());
        const auto removed =
            database.query(yield, "SELECT media.remove_retention_rule($1, $2) AS is_removed",
                           {(*filters)[1], (*filters)[2]});
        if (!removed) return std::unexpected(removed.error());
        if (!removed->boolean(0, "is_removed")) {
          return fail(ErrorCode::not_found,
                      "there is no such rule: `media-indexer retention list` shows all");
        }
        return std::string();
      });
}

Result<std::string> list_retention(const Config& config, const CommandLine& line) {
  return with_database(
      config, [&](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto rows = database.query(
            yield,
            "SELECT company_id, company, bucket, keep_days FROM media.list_retention_rules()");
        if (!rows) return std::unexpected(rows.error());
        return line.as_json ? rules_json(*rows) : rules_text(*rows);
      });
}

}  // namespace media::ops
