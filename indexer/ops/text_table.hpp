#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace media::ops {

/// Text of others, fit for a terminal: no control characters.
std::string printable(std::string_view text);

/// Rows of cells in columns of even width, each line behind `indent`. The last
/// cell of a row is as long as it is.
std::string text_table(const std::vector<std::vector<std::string>>& rows,
                       std::string_view indent = "");

}  // namespace media::ops
