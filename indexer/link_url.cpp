#include "indexer/link_url.hpp"

#include <array>

#include <arpa/inet.h>

namespace media {

std::string link_url(std::string_view public_url, const LinkGrant& grant, const LinkKey& key) {
  return std::string(public_url) + percent_encode(grant.path, "/") + "?" + sign_link(grant, key);
}

std::optional<std::string> canonical_address(std::string_view text) {
  const std::string address(text);
  in6_addr binary{};
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, address.c_str(), &binary) != 1) continue;
    return inet_ntop(family, &binary, canonical.data(), canonical.size());
  }
  return std::nullopt;
}

}  // namespace media
