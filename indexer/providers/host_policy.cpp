#include "indexer/providers/host_policy.hpp"

#include <algorithm>
#include <cctype>

namespace media::providers {
namespace {

bool equal_ignoring_case(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  });
}

bool matches_name(std::string_view entry, std::string_view host) {
  if (!entry.starts_with('.')) return equal_ignoring_case(entry, host);
  return host.size() > entry.size() &&
         equal_ignoring_case(entry, host.substr(host.size() - entry.size()));
}

bool matches(std::string_view entry, std::string_view host, int port) {
  std::string_view name = entry;
  std::string_view wanted_port;
  if (entry.starts_with('[')) {  // [IPv6]:port
    const auto end = entry.find(']');
    if (end == std::string_view::npos) return false;
    name = entry.substr(1, end - 1);
    if (entry.substr(end + 1).starts_with(':')) wanted_port = entry.substr(end + 2);
  } else if (const auto colon = entry.find(':');
             colon != std::string_view::npos && colon == entry.rfind(':')) {
    name = entry.substr(0, colon);
    wanted_port = entry.substr(colon + 1);
  }
  if (!wanted_port.empty() && wanted_port != std::to_string(port)) return false;
  return matches_name(name, host);
}

}  // namespace

bool matches_host(const std::vector<std::string>& entries, std::string_view host, int port) {
  return std::ranges::any_of(entries,
                             [&](const std::string& entry) { return matches(entry, host, port); });
}

bool is_media_host(const HostPolicy& policy, std::string_view host, int port) {
  return policy.media.empty() || matches_host(policy.media, host, port);
}

bool is_redirect_host(const HostPolicy& policy, std::string_view host, int port) {
  return is_media_host(policy, host, port) || matches_host(policy.redirect, host, port);
}

}  // namespace media::providers
