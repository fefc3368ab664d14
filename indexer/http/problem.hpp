#pragma once

#include <string_view>

#include "core/error.hpp"
#include "indexer/http/message.hpp"

namespace media::http {

/// Reason phrase of a status (RFC 9110 section 15), "Unknown" for others.
std::string_view reason_phrase(int status);

/// application/problem+json (RFC 9457) with type about:blank.
Response problem(int status, std::string_view detail);

/// The status that fits the error's code, its message as the detail; internal
/// errors and dependencies' messages stay in the log.
Response problem(const Error& error);

}  // namespace media::http
