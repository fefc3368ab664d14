#pragma once

#include <string>

#include "indexer/http/message.hpp"

namespace media::http {

/// False for 204 and 304 (RFC 9110 section 6.4.1).
bool may_have_body(int status);

/// Status line and headers with the empty line after them. Control characters
/// in header values become spaces, so that no value can add a header.
std::string response_head(const Response& response, bool keep_alive, bool is_http_1_0);

}  // namespace media::http
