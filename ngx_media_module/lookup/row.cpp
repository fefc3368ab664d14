#include "ngx_media_module/lookup/row.hpp"

#include <algorithm>

#include "core/uuid.hpp"

namespace media::nginx {
namespace {

// Of PostgreSQL's catalog pg_type; these never change.
enum Type : std::uint32_t {
  kBigint = 20,
  kSmallint = 21,
  kInteger = 23,
  kTextArray = 1009,
  kVarcharArray = 1015,
  kBigintArray = 1016,
  kIntegerArray = 1007,
  kTimestamp = 1114,
  kTimestampWithZone = 1184,
  kUuid = 2950,
  kUuidArray = 2951,
};

bool is_array(std::uint32_t type) {
  return type == kTextArray || type == kVarcharArray || type == kBigintArray ||
         type == kIntegerArray || type == kUuidArray;
}

/// Big-endian two's complement of 2, 4 or 8 bytes.
std::int64_t signed_number(std::string_view bytes) {
  std::uint64_t value = static_cast<unsigned char>(bytes.front()) >= 0x80 ? ~std::uint64_t{0} : 0;
  for (const unsigned char byte : bytes) value = value << 8 | byte;
  return static_cast<std::int64_t>(value);
}

/// Takes numbers and bytes off the front of an array's binary form.
class ArrayReader {
 public:
  explicit ArrayReader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::int64_t> number() {
    if (rest_.size() < 4) return std::nullopt;
    const auto value = signed_number(rest_.substr(0, 4));
    rest_.remove_prefix(4);
    return value;
  }
  std::optional<std::string_view> element() {
    const auto size = number();
    if (!size || *size < 0 || static_cast<std::size_t>(*size) > rest_.size()) return std::nullopt;
    const auto bytes = rest_.substr(0, static_cast<std::size_t>(*size));
    rest_.remove_prefix(bytes.size());
    return bytes;
  }

 private:
  std::string_view rest_;
};

}  // namespace

const Column* Row::find(std::string_view name) const {
  const auto found = std::ranges::find(columns_, name, &Column::name);
  return found == columns_.end() || found->is_null ? nullptr : &*found;
}

bool Row::has(std::string_view name) const {
  return std::ranges::find(columns_, name, &Column::name) != columns_.end();
}

std::string id_of(const Column& column) {
  if (const auto number = integer_of(column)) return std::to_string(*number);
  if (column.type == kUuid && column.bytes.size() == 16) {
    Uuid uuid;
    std::ranges::copy(column.bytes, uuid.bytes.begin());
    return uuid.to_string();
  }
  return std::string(column.bytes);
}

std::optional<std::vector<std::string>> ids_of(const Column& column) {
  if (!is_array(column.type)) return std::vector{id_of(column)};
  ArrayReader reader(column.bytes);
  const auto dimensions = reader.number();
  const auto has_nulls = reader.number();
  const auto element_type = reader.number();
  if (!dimensions || !has_nulls || !element_type || *dimensions > 1) return std::nullopt;
  std::vector<std::string> ids;
  if (*dimensions == 0) return ids;
  const auto count = reader.number();
  if (!count || !reader.number()) return std::nullopt;
  for (std::int64_t i = 0; i < *count; ++i) {
    const auto bytes = reader.element();
    if (!bytes) return std::nullopt;
    ids.push_back(id_of({{}, static_cast<std::uint32_t>(*element_type), *bytes}));
  }
  return ids;
}

std::optional<std::int64_t> integer_of(const Column& column) {
  const std::size_t size = column.bytes.size();
  const bool fits = (column.type == kBigint && size == 8) ||
                    (column.type == kInteger && size == 4) ||
                    (column.type == kSmallint && size == 2);
  return fits ? std::optional(signed_number(column.bytes)) : std::nullopt;
}

std::optional<std::int64_t> unix_seconds_of(const Column& column) {
  constexpr std::int64_t kYear2000 = 946684800;
  constexpr std::int64_t kMicroseconds = 1000000;
  const bool is_time = column.type == kTimestampWithZone || column.type == kTimestamp;
  if (!is_time || column.bytes.size() != 8) return integer_of(column);
  return signed_number(column.bytes) / kMicroseconds + kYear2000;
}

}  // namespace media::nginx
