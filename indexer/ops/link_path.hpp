#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media::ops {

/// The path of an URL as nginx compares it: decoded. Error `invalid_argument`
/// for what nginx would change (empty and dot segments) or take for something else.
Result<std::string> link_path(std::string_view url_path);

}  // namespace media::ops
