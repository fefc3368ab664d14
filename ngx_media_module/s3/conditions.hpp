#pragma once

#include <string_view>

namespace media::nginx {

/// Whether a list of entity tags (If-Match, If-None-Match; RFC 9110 section 13.1) names this strong
/// one, quotes included. "*" names all. A weak tag (W/"...") only counts for If-None-Match.
bool names_entity_tag(std::string_view list, std::string_view tag, bool takes_weak);

/// A Range header of one range; a server may ignore others.
bool is_single_range(std::string_view range);

}  // namespace media::nginx
