#include "indexer/ops/legacy_table.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::size_t kMaxIdentifier = 63;
constexpr std::array<std::string_view, 6> kMeanings = {"id",      "path", "mime",
                                                       "company", "name", "created"};

constexpr std::string_view kFindColumn =
    "SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,"
    " EXISTS (SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = a.attrelid AND i.indisunique"
    " AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS is_unique"
    " FROM pg_catalog.pg_attribute AS a"
    " WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attname = $2"
    " AND a.attnum > 0 AND NOT a.attisdropped";

bool is_identifier(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  const auto is_other = [](char c) { return (c >= '0' && c <= '9') || c == '$'; };
  return !name.empty() && name.size() <= kMaxIdentifier && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || is_other(c); });
}

Result<std::string> quoted_table(std::string_view name) {
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return quoted_identifier(name);
  auto schema = quoted_identifier(name.substr(0, dot));
  if (!schema) return schema;
  auto table = quoted_identifier(name.substr(dot + 1));
  if (!table) return table;
  return *schema + "." + *table;
}

}  // namespace

Result<std::string> quoted_identifier(std::string_view name) {
  if (is_identifier(name)) return '"' + std::string(name) + '"';
  return fail(ErrorCode::invalid_argument,
              "'" + std::string(name) + "' is no name of a table or column: letters, digits and _");
}

Result<void> LegacyTable::open(yield_context yield, const Columns& columns) {
  auto table = quoted_table(name_);
  if (!table) return std::unexpected(table.error());
  table_ = std::move(*table);
  const auto there =
      database_.query(yield, "SELECT pg_catalog.to_regclass($1) IS NOT NULL AS is_there", {table_});
  if (!there) return std::unexpected(there.error());
  if (!there->boolean(0, "is_there")) {
    return fail(ErrorCode::not_found, "no table " + table_ + " in this database");
  }
  return find_columns(yield, columns);
}

Result<void> LegacyTable::find_columns(yield_context yield, const Columns& columns) {
  std::array<std::string, kMeanings.size()> expressions;
  expressions.fill("NULL");
  for (const auto& [meaning, column] : columns) {
    const auto quoted = quoted_identifier(column);
    if (!quoted) return std::unexpected(quoted.error());
    const auto rows = database_.query(yield, kFindColumn, {table_, column});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) {
      return fail(ErrorCode::not_found, "table " + table_ + " has no column " + *quoted);
    }
    const auto* at = std::ranges::find(kMeanings, meaning);
    expressions.at(static_cast<std::size_t>(at - kMeanings.begin())) = "t." + *quoted + "::text";
    if (meaning != "id") continue;
    if (!rows->boolean(0, "is_unique")) {
      return fail(ErrorCode::invalid_argument,
                  "column " + *quoted + " needs a unique index: it tells rows from each other");
    }
    // Qualified, or ORDER BY would mean the text that is selected under its name.
    id_ = "t." + *quoted;
    id_type_ = rows->text(0, "type");
  }
  select_ = "SELECT ";
  for (std::size_t i = 0; i < kMeanings.size(); ++i) {
    select_ += (i == 0 ? "" : ", ") + expressions.at(i) + " AS " + std::string(kMeanings.at(i));
  }
  select_ += " FROM " + table_ + " AS t";
  return {};
}

Result<std::int64_t> LegacyTable::count(yield_context yield) {
  const auto rows = database_.query(
      yield, "SELECT count(*) AS all_rows, count(" + id_ + ") AS named FROM " + table_ + " AS t");
  if (!rows) return std::unexpected(rows.error());
  const std::int64_t all = rows->integer(0, "all_rows");
  if (all != rows->integer(0, "named")) {
    return fail(ErrorCode::invalid_argument, "some rows of " + table_ + " have no " + id_);
  }
  return all;
}

Result<std::vector<LegacyRow>> LegacyTable::next(yield_context yield) {
  const std::string where = last_ ? " WHERE " + id_ + " > $1::" + id_type_ : "";
  const db::Params params = last_ ? db::Params{*last_} : db::Params{};
  const auto rows =
      database_.query(yield, select_ + where + " ORDER BY " + id_ + " LIMIT 500", params);
  if (!rows) return std::unexpected(rows.error());
  std::vector<LegacyRow> page;
  page.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row) {
    page.push_back({std::string(rows->text(row, "id")), std::string(rows->text(row, "path")),
                    std::string(rows->text(row, "mime")), std::string(rows->text(row, "company")),
                    std::string(rows->text(row, "name")), rows->optional_text(row, "created")});
  }
  if (!page.empty()) last_ = page.back().id;
  return page;
}

}  // namespace media::ops
