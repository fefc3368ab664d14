#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/db/database.hpp"

namespace media::ops {

/// A row of a site's own table that tells of a file.
struct LegacyRow {
  std::string id;
  std::string path;
  std::string mime_type;  ///< empty: not told
  std::string company;    ///< likewise; a name or id
  std::string file_name;
  std::optional<std::string> created;  ///< a timestamp of PostgreSQL
};

/// `name` in double quotes. Error `invalid_argument` for what is no plain identifier.
Result<std::string> quoted_identifier(std::string_view name);

/// Reads a table of a site, whose name and columns an operator gives, in the order of
/// its ids, page by page.
class LegacyTable {
 public:
  using Columns = std::vector<std::pair<std::string, std::string>>;

  LegacyTable(db::Database& database, std::string name)
      : database_(database), name_(std::move(name)) {}

  /// Errors: no such table or column, no right to read it, ids that are not unique.
  Result<void> open(boost::asio::yield_context yield, const Columns& columns);
  Result<std::int64_t> count(boost::asio::yield_context yield);
  /// The next page; empty at the end.
  Result<std::vector<LegacyRow>> next(boost::asio::yield_context yield);

 private:
  Result<void> find_columns(boost::asio::yield_context yield, const Columns& columns);

  db::Database& database_;
  std::string name_;
  std::string table_;    ///< quoted
  std::string id_;       ///< quoted
  std::string id_type_;  ///< of the column
  std::string select_;
  std::optional<std::string> last_;
};

}  // namespace media::ops
