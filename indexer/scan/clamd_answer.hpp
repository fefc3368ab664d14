#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media::scan {

/// What clamd found in a file; nothing: it knows nothing bad of it.
using Malware = std::optional<std::string>;

/// Reads clamd's answer to INSTREAM. Errors: `unscanned` (larger than clamd
/// takes), `scan_failed` (everything else that is no verdict).
Result<Malware> read_clamd_answer(std::string_view answer);

}  // namespace media::scan
