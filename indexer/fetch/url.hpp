#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace media::fetch {

/// The parts of a URL that decide whether it may be requested.
struct UrlParts {
  std::string scheme;  ///< http or https
  std::string host;    ///< lower case, without brackets or trailing dot
  int port = 0;        ///< the scheme's default when not given
  std::string path;    ///< as written
};

/// Reads an absolute http or https URL the way libcurl will. Nothing for
/// malformed ones, other schemes, and URLs with user or password.
std::optional<UrlParts> parse_url(std::string_view url);

}  // namespace media::fetch
