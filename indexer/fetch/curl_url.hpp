#pragma once

#include <string>

#include "core/error.hpp"
#include "indexer/fetch/curl_handle.hpp"
#include "indexer/fetch/http_client.hpp"

namespace media::fetch {

/// An URL that the policy lets through, as far as its text tells.
struct CheckedUrl {
  CurlUrl url;
  std::string host;  ///< with its port when one is given: for messages
};

/// Errors: `invalid_argument` (not an absolute URL), `blocked_address` (user
/// information, or a scheme that is not allowed).
Result<CheckedUrl> check_url(const std::string& url, const AddressPolicy& policy);

/// A Location header as an absolute URL; empty when it makes none.
std::string resolve_location(CURLU* base, const std::string& location);

}  // namespace media::fetch
