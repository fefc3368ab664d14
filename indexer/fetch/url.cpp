#include "indexer/fetch/url.hpp"

#include <cctype>
#include <charconv>
#include <memory>

#include <curl/curl.h>

namespace media::fetch {
namespace {

struct FreeUrl {
  void operator()(CURLU* handle) const { curl_url_cleanup(handle); }
};

std::optional<std::string> part(CURLU* handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return std::nullopt;
  std::string copy(text);
  curl_free(text);
  return copy;
}

std::string normal_host(std::string host) {
  for (char& c : host) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.ends_with('.')) host.pop_back();
  return host;
}

bool has_credentials(CURLU* handle) {
  return part(handle, CURLUPART_USER).has_value() || part(handle, CURLUPART_PASSWORD).has_value();
}

}  // namespace

std::optional<UrlParts> parse_url(std::string_view url) {
  if (url.find('\0') != std::string_view::npos) return std::nullopt;
  const std::unique_ptr<CURLU, FreeUrl> handle(curl_url());
  // The same parser as the transfer's: two parsers could see two hosts.
  if (curl_url_set(handle.get(), CURLUPART_URL, std::string(url).c_str(), CURLU_PATH_AS_IS) !=
      CURLUE_OK) {
    return std::nullopt;
  }
  const auto scheme = part(handle.get(), CURLUPART_SCHEME);
  const auto host = part(handle.get(), CURLUPART_HOST);
  const auto port = part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!scheme || !host || !port || has_credentials(handle.get())) return std::nullopt;
  UrlParts parts{*scheme, normal_host(*host), 0, part(handle.get(), CURLUPART_PATH).value_or("/")};
  std::from_chars(port->data(), port->data() + port->size(), parts.port);
  if ((parts.scheme != "https" && parts.scheme != "http") || parts.host.empty()) {
    return std::nullopt;
  }
  return parts;
}

}  // namespace media::fetch
