#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace media::providers {

/// Which hosts media may come from. An entry "host" matches that host on any
/// port, "host:port" only there, ".host" every subdomain of it.
struct HostPolicy {
  std::vector<std::string> media;     ///< first hop; these see the credential. Empty: any host
  std::vector<std::string> redirect;  ///< reached by redirect only, never with the credential
};

/// `host` in lower case without brackets or trailing dot.
bool matches_host(const std::vector<std::string>& entries, std::string_view host, int port);

/// Whether a first request may go there. An empty list admits every host: the
/// address check at connect time still keeps it public.
bool is_media_host(const HostPolicy& policy, std::string_view host, int port);

/// Whether a redirect may lead there.
bool is_redirect_host(const HostPolicy& policy, std::string_view host, int port);

}  // namespace media::providers
