#pragma once

#include <memory>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// Any sender that signs like Standard Webhooks and posts
/// {"type":"message.received","data":{"id","media":[{"url"}]}}.
std::unique_ptr<Provider> make_generic(HostPolicy hosts);

/// Reads the body of such a delivery. Other types give no messages; a message
/// that is not as documented is `invalid_argument`.
Result<Delivery> parse_generic(std::string_view body, std::string_view delivery_id);

}  // namespace media::providers
