#pragma once

#include "indexer/config.hpp"

namespace media {

/// Runs the daemon until SIGTERM or SIGINT; returns the exit status.
int serve(const Config& config);

}  // namespace media
