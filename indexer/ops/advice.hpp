#pragma once

#include <string_view>

namespace media::ops {

/// What a reason code of a failed download says to an operator.
struct Advice {
  std::string_view meaning;
  std::string_view remedy;
};

/// For "reason: text", as in media_files.last_error, or a reason alone.
Advice advice_for(std::string_view error);

}  // namespace media::ops
