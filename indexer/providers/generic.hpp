#pragma once

#include "indexer/providers/registry.hpp"

namespace media::providers {

/// Any sender that signs like Standard Webhooks and posts
/// {"type":"message.received","data":{"id","media":[{"url"}]}}.
Registration generic_registration();

/// Reads the body of such a delivery. Other types give no messages; a message
/// that is not as documented is `invalid_argument`.
Result<Delivery> parse_generic(std::string_view body, std::string_view delivery_id);

}  // namespace media::providers
