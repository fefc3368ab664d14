#pragma once

#include <string>

#include "core/error.hpp"
#include "indexer/config.hpp"
#include "indexer/ops/command_line.hpp"

namespace media::ops {

/// What companies, or the one that the line names, have stored, what waits,
/// and why downloads failed lately: tables, or JSON.
Result<std::string> show_stats(const Config& config, const CommandLine& line);

}  // namespace media::ops
