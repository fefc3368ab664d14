#pragma once

#include <string_view>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// Reads an event of either system: media of messages, recordings of calls,
/// voicemails. `takes_outgoing`: also of messages that the account sent.
Result<Delivery> parse_openphone(std::string_view body, bool takes_outgoing);

/// Reads what the API answered about the recordings or voicemail of a call;
/// `media_id` as parse_openphone() made it.
ResolveAnswer read_openphone_call(std::string_view media_id, int status, std::string_view body);

}  // namespace media::providers
