#pragma once

#include <string>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// image, video, audio or document: what the declared type of an item says, or
/// else the extension of its name, or else that of its URL.
std::string file_type_of_item(const IncomingMedia& item);

}  // namespace media::providers
