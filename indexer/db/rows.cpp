#include <libpq-fe.h>

#include <charconv>
#include <stdexcept>

#include "indexer/db/database.hpp"

namespace media::db {
namespace {

/// 0 for NULL.
template <class Number>
Number parse_number(std::string_view text, std::string_view column) {
  Number value = 0;
  if (text.empty()) return value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::logic_error("column \"" + std::string(column) + "\" is no number");
  }
  return value;
}

}  // namespace

std::string bytea(ByteView bytes) { return "\\x" + hex_encode(bytes); }

std::string text_array(const std::vector<std::string>& items) {
  std::string array = "{";
  for (const std::string& item : items) {
    if (array.size() > 1) array.push_back(',');
    array.push_back('"');
    for (const char c : item) {
      if (c == '"' || c == '\\') array.push_back('\\');
      array.push_back(c);
    }
    array.push_back('"');
  }
  array.push_back('}');
  return array;
}

Rows::Rows(pg_result* result) : result_(result, [](pg_result* owned) { PQclear(owned); }) {}

std::size_t Rows::size() const { return static_cast<std::size_t>(PQntuples(result_.get())); }

int Rows::column_index(std::string_view column) const {
  const int count = PQnfields(result_.get());
  for (int index = 0; index < count; ++index) {
    if (column == PQfname(result_.get(), index)) return index;
  }
  throw std::logic_error("the statement returns no column \"" + std::string(column) + "\"");
}

bool Rows::is_null(std::size_t row, std::string_view column) const {
  return PQgetisnull(result_.get(), static_cast<int>(row), column_index(column)) != 0;
}

std::string_view Rows::text(std::size_t row, std::string_view column) const {
  if (row >= size()) throw std::logic_error("row " + std::to_string(row) + " is not there");
  const int index = column_index(column);
  const int number = static_cast<int>(row);
  return {PQgetvalue(result_.get(), number, index),
          static_cast<std::size_t>(PQgetlength(result_.get(), number, index))};
}

std::int64_t Rows::integer(std::size_t row, std::string_view column) const {
  return parse_number<std::int64_t>(text(row, column), column);
}

double Rows::real(std::size_t row, std::string_view column) const {
  return parse_number<double>(text(row, column), column);
}

bool Rows::boolean(std::size_t row, std::string_view column) const {
  return text(row, column) == "t";
}

Bytes Rows::bytes(std::size_t row, std::string_view column) const {
  const std::string_view value = text(row, column);
  if (value.empty()) return {};
  auto decoded = value.starts_with("\\x") ? hex_decode(value.substr(2)) : std::nullopt;
  if (!decoded) throw std::logic_error("column \"" + std::string(column) + "\" is no bytea");
  return std::move(*decoded);
}

std::optional<std::string> Rows::optional_text(std::size_t row, std::string_view column) const {
  if (is_null(row, column)) return std::nullopt;
  return std::string(text(row, column));
}

}  // namespace media::db
