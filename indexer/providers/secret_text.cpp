#include "indexer/providers/secret_text.hpp"

#include <algorithm>

namespace media::providers {

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

Result<void> check_secret_text(std::string_view name, std::string_view value) {
  if (!value.empty() && is_printable(value)) return {};
  return fail(ErrorCode::invalid_argument,
              std::string(name) + " must be printable text without white space");
}

}  // namespace media::providers
