#pragma once

#include <string_view>

#include "core/error.hpp"

namespace media::providers {

/// Whether text is printable ASCII without white space.
bool is_printable(std::string_view text);

/// The usual check of a secret: it ends up in a header and came from a
/// dashboard by copy and paste.
Result<void> check_secret_text(std::string_view name, std::string_view value);

}  // namespace media::providers
