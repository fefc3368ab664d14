#pragma once

#include <map>
#include <string>
#include <string_view>

#include "indexer/http/message.hpp"
#include "indexer/providers/provider.hpp"

namespace media::ingest {

/// Account ids by the external id that messages name; messages of others are
/// left out.
using AccountIds = std::map<std::string, std::string, std::less<>>;

/// The p_messages argument of media.accept_delivery().
std::string messages_json(const providers::Delivery& delivery, const AccountIds& accounts);

/// The headers worth keeping with a delivery: never signatures or credentials.
std::string headers_json(const http::Request& request);

}  // namespace media::ingest
