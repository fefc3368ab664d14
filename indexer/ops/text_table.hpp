#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace media::ops {

/// Text of others, fit for a terminal: control characters become '?', and what is
/// longer than `limit` bytes is cut between characters.
std::string printable(std::string_view text, std::size_t limit = std::string_view::npos);

/// Rows of cells in columns of even width, each line behind `indent` and without
/// spaces at its end.
std::string text_table(const std::vector<std::vector<std::string>>& rows,
                       std::string_view indent = "");

/// "512 B", "1.5 MiB".
std::string human_bytes(std::int64_t bytes);

/// "45 s", "12 min", "3 h", "9 d", of a number of seconds.
std::string rough_duration(std::int64_t seconds);

}  // namespace media::ops
