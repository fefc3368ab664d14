#pragma once

#include <cstdint>
#include <string_view>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// Reads what Graph answered to GET /{media id}. Errors are told apart by
/// `error.code`: the HTTP status varies for one and the same code.
ResolveAnswer read_graph_media(int status, std::string_view body, std::int64_t now);

}  // namespace media::providers
