#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace media::nginx {

/// One column of an answer, in PostgreSQL's binary format.
struct Column {
  std::string_view name;
  std::uint32_t type = 0;  ///< OID in pg_type
  std::string_view bytes;
  bool is_null = false;
};

/// The row that answers a lookup. Columns are found by name, since a site's own
/// query may have them in any order and of any type that can mean the same.
class Row {
 public:
  explicit Row(std::span<const Column> columns) : columns_(columns) {}

  /// Null when there is no such column, or when it is NULL.
  const Column* find(std::string_view name) const;
  /// Whether there is such a column, be it NULL.
  bool has(std::string_view name) const;

 private:
  std::span<const Column> columns_;
};

/// A name or number that identifies something: uuid (in lower case), an integer,
/// or a text type as it is.
std::string id_of(const Column& column);
/// The same for each element of a one-dimensional array, or for a single value.
/// Nothing for an array that is malformed or has NULLs in it.
std::optional<std::vector<std::string>> ids_of(const Column& column);
/// smallint, integer or bigint.
std::optional<std::int64_t> integer_of(const Column& column);
/// Seconds since 1970 from an integer or a timestamp with time zone.
std::optional<std::int64_t> unix_seconds_of(const Column& column);

}  // namespace media::nginx
