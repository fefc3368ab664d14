#pragma once

#include <string>
#include <vector>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// What the sender of these media may be answered: "Thank you, we received
/// your 2 photos and 1 video." Empty when there are none.
std::string generate_photo_acknowledgment(const std::vector<IncomingMedia>& media);

}  // namespace media::providers
