#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "indexer/http/message.hpp"
#include "indexer/providers/registry.hpp"

namespace media::providers {

/// OpenPhone's webhooks of old, and those of Quo, as it is called now. Either
/// accepts what the other sends: which one comes is told by the headers.
Registration openphone_registration();
Registration quo_registration();

/// Checks the header openphone-signature, "hmac;1;MILLISECONDS;BASE64" or
/// several of them with commas: HMAC-SHA256 of time, dot and body. Any of the
/// keys (base64) may match; the time may be `tolerance` off.
bool verify_openphone_signature(const http::Request& request,
                                const std::vector<std::string_view>& signing_keys, std::int64_t now,
                                std::chrono::seconds tolerance);

}  // namespace media::providers
