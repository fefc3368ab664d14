#pragma once

#include <string_view>
#include <vector>

#include "indexer/http/message.hpp"
#include "indexer/providers/registry.hpp"

namespace media::providers {

/// Discord: interactions, webhook events, and a bridge from the gateway.
Registration discord_registration();

/// Checks X-Signature-Ed25519 over X-Signature-Timestamp and body; any of the
/// keys (64 hexadecimal digits) may match.
bool verify_discord_signature(const http::Request& request,
                              const std::vector<std::string_view>& public_keys);

}  // namespace media::providers
