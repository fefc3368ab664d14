#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace media::ops {

/// Rows of cells in aligned columns, the first row as their heads.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heads) : rows_{std::move(heads)} {}

  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.size() == 1; }
  /// A line for each row, none of them with spaces at its end.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// What a terminal may be shown: control characters become '?', and what is
/// longer than `limit` bytes is cut between characters.
std::string printable(std::string_view text, std::size_t limit = 80);

/// "45 s", "12 min", "3 h", "9 d", of a number of seconds.
std::string rough_duration(std::int64_t seconds);

}  // namespace media::ops
