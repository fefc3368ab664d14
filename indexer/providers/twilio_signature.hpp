#pragma once

#include <string_view>
#include <vector>

#include "indexer/http/message.hpp"

namespace media::providers {

/// Checks X-Twilio-Signature: HMAC-SHA1 over the URL and, of a form,
/// its sorted fields; of anything else, parameter bodySHA256 of the URL has to
/// be the body's digest. `url` is what was entered at Twilio, to the end of
/// its query. Twilio is inconsistent about ports and quotes: both ways of
/// writing them count. Any of the tokens may match.
bool verify_twilio_signature(std::string_view url, const http::Request& request,
                             const std::vector<std::string_view>& auth_tokens);

/// Whether the request's body is a form.
bool is_form(const http::Request& request);

}  // namespace media::providers
