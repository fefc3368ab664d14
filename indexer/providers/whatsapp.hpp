#pragma once

#include <memory>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// WhatsApp Cloud API (Meta). `graph_url` includes the version segment.
std::unique_ptr<Provider> make_whatsapp(std::string graph_url, HostPolicy hosts);

/// Checks X-Hub-Signature-256: HMAC-SHA256 of the raw body, keyed with the
/// text of the Meta app's secret; any of the secrets may match.
bool verify_hub_signature(std::string_view header, std::string_view body,
                          const std::vector<std::string_view>& app_secrets);

}  // namespace media::providers
