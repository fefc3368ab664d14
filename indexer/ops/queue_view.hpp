#pragma once

#include <string>

#include "indexer/json.hpp"

namespace media::ops {

/// What media.queue_state() tells, for people.
std::string queue_text(const Json& state);

}  // namespace media::ops
