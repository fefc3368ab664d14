#pragma once

#include <string_view>
#include <vector>

#include "indexer/providers/registry.hpp"

namespace media::providers {

/// WhatsApp Cloud API (Meta).
Registration whatsapp_registration();

/// Checks X-Hub-Signature-256: HMAC-SHA256 of the raw body, keyed with the
/// text of the Meta app's secret; any of the secrets may match.
bool verify_hub_signature(std::string_view header, std::string_view body,
                          const std::vector<std::string_view>& app_secrets);

}  // namespace media::providers
