#include "indexer/fetch/curl_url.hpp"

#include <string_view>

namespace media::fetch {
namespace {

// Paths stay byte for byte: a signature may cover them.
constexpr unsigned kFlags = CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS | CURLU_URLENCODE;

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
  return CurlText(text).get();
}

}  // namespace

Result<CheckedUrl> check_url(const std::string& url, const AddressPolicy& policy) {
  CheckedUrl checked{CurlUrl(curl_url()), {}};
  const CURLUcode code =
      curl_url_set(checked.url.get(), CURLUPART_URL, url.c_str(), kFlags | CURLU_DISALLOW_USER);
  if (code == CURLUE_USER_NOT_ALLOWED) {
    return fail(ErrorCode::blocked_address, "the URL contains user information");
  }
  if (code != CURLUE_OK || url.find('\0') != std::string::npos) {
    return fail(ErrorCode::invalid_argument, "not an absolute URL");
  }
  const std::string scheme = part(checked.url.get(), CURLUPART_SCHEME);
  if (scheme != "https" && !(scheme == "http" && policy.allow_plain_http)) {
    return fail(ErrorCode::blocked_address, "URLs of scheme \"" + scheme + "\" are not allowed");
  }
  checked.host = part(checked.url.get(), CURLUPART_HOST);
  const std::string port = part(checked.url.get(), CURLUPART_PORT);
  if (!port.empty()) checked.host += ":" + port;
  return checked;
}

std::string resolve_location(CURLU* base, const std::string& location) {
  const CurlUrl url(curl_url_dup(base));
  if (curl_url_set(url.get(), CURLUPART_URL, location.c_str(), kFlags) != CURLUE_OK) return {};
  return part(url.get(), CURLUPART_URL);
}

}  // namespace media::fetch
