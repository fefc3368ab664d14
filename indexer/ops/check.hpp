#pragma once

#include <string>

#include "indexer/config.hpp"
#include "indexer/ops/report.hpp"

namespace media::ops {

/// The version of the schema's functions that this program calls.
inline constexpr int kSchemaVersion = 5;

/// Nothing when it fits, else what is wrong and what to do.
Result<void> check_schema_version(std::int64_t deployed);

/// Looks at everything that `serve` depends on.
void check_everything(const Config& config, Report& report);

/// The same. Prints a line for each on
/// standard output: "ok WHAT", "warn WHAT: ..." or "FAIL WHAT: why: what to do".
/// False when anything failed.
bool run_checks(const Config& config);

}  // namespace media::ops
