#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "indexer/http/message.hpp"

namespace media::providers {

/// Verifies a Standard Webhooks request: headers webhook-id, -timestamp and
/// -signature (or svix-*), signature versions v1 (HMAC-SHA256, keys whsec_ or
/// plain base64) and v1a (Ed25519, keys whpk_), five minutes of tolerance.
/// Any key and any signature of the list may match. Error `unauthorized`.
Result<void> verify_standard_webhook(const http::Request& request,
                                     const std::vector<std::string_view>& keys, std::int64_t now);

/// The id of the event, the same for every repetition; empty when ambiguous.
std::string_view standard_webhook_id(const http::Request& request);

/// Whether text is a key that verify_standard_webhook() can use.
Result<void> check_standard_webhook_key(std::string_view text);

}  // namespace media::providers
