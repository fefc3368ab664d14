#pragma once

#include <cstdint>
#include <string_view>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// How long a media id that came by webhook can be resolved.
inline constexpr std::int64_t kWhatsAppMediaLifetime = 7 * 24 * 3600;
/// How long a download URL works.
inline constexpr std::int64_t kWhatsAppUrlLifetime = 5 * 60;

/// Reads the body of a WhatsApp delivery: every entry, change and message;
/// each message names the phone number that it came to. `now` in Unix seconds.
/// `takes_echoes`: also what the business itself sent from its phone.
Result<Delivery> parse_whatsapp(std::string_view body, std::int64_t now, bool takes_echoes = false);

}  // namespace media::providers
