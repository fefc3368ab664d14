#include "indexer/fetch/address_policy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace media::fetch {
namespace {

using V6 = std::array<std::uint8_t, 16>;

struct V4Net {
  std::uint32_t network;
  unsigned bits;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}

// IANA IPv4 Special-Purpose Address Registry, multicast, and one cloud's own.
constexpr V4Net kClosedV4[] = {
    {v4(0, 0, 0, 0), 8},         // this network
    {v4(10, 0, 0, 0), 8},        // private
    {v4(100, 64, 0, 0), 10},     // carrier-grade NAT
    {v4(127, 0, 0, 0), 8},       // loopback
    {v4(168, 63, 129, 16), 32},  // Azure's platform services, reachable from its hosts only
    {v4(169, 254, 0, 0), 16},    // link-local, cloud metadata
    {v4(172, 16, 0, 0), 12},     // private
    {v4(192, 0, 0, 0), 24},      // IETF protocol assignments
    {v4(192, 0, 2, 0), 24},      // documentation
    {v4(192, 88, 99, 0), 24},    // 6to4 relays
    {v4(192, 168, 0, 0), 16},    // private
    {v4(198, 18, 0, 0), 15},     // benchmarks
    {v4(198, 51, 100, 0), 24},   // documentation
    {v4(203, 0, 113, 0), 24},    // documentation
    {v4(224, 0, 0, 0), 4},       // multicast
    {v4(240, 0, 0, 0), 4},       // reserved, broadcast
};

bool is_public_v4(std::uint32_t address) {
  return std::ranges::none_of(
      kClosedV4, [&](const V4Net& net) { return (address ^ net.network) >> (32 - net.bits) == 0; });
}

bool is_public_v4(std::span<const std::uint8_t, 4> bytes) {
  return is_public_v4(v4(bytes[0], bytes[1], bytes[2], bytes[3]));
}

bool has_prefix(const V6& address, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

/// Teredo (RFC 4380): server at bytes 4 to 7, client inverted in the last four.
bool is_public_teredo(const V6& address) {
  V6 inverted = address;
  for (std::uint8_t& byte : inverted) byte = static_cast<std::uint8_t>(~byte);
  return is_public_v4(std::span(address).subspan<4, 4>()) &&
         is_public_v4(std::span(inverted).subspan<12, 4>());
}

/// ISATAP (RFC 5214): interface identifier [02]00:5efe and an IPv4 address.
bool is_isatap(const V6& address) {
  return (address[8] & ~0x02) == 0 && address[9] == 0 && address[10] == 0x5E && address[11] == 0xFE;
}

/// Inside 2000::/3, the only block that IANA hands out for global use.
bool is_public_global_unicast(const V6& address) {
  if (is_isatap(address)) return is_public_v4(std::span(address).subspan<12, 4>());
  if (has_prefix(address, {0x20, 0x02})) return is_public_v4(std::span(address).subspan<2, 4>());
  if (has_prefix(address, {0x20, 0x01, 0x00, 0x00})) return is_public_teredo(address);
  const bool is_ietf_assignment = has_prefix(address, {0x20, 0x01}) && address[2] < 0x02;
  const bool is_documentation = has_prefix(address, {0x20, 0x01, 0x0D, 0xB8}) ||
                                (has_prefix(address, {0x3F, 0xFF}) && address[2] < 0x10);
  return !is_ietf_assignment && !is_documentation;
}

/// Outside of 2000::/3 only the wrappings of a public IPv4 address remain;
/// 64:ff9b:1::/48 (RFC 8215) is somebody's local translation and does not.
bool is_public_v6(const V6& address) {
  if (address[0] >> 5 == 0x20 >> 5) return is_public_global_unicast(address);
  const bool is_mapped = has_prefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF});
  const bool is_nat64 = has_prefix(address, {0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0});
  return (is_mapped || is_nat64) && is_public_v4(std::span(address).subspan<12, 4>());
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    return is_public_v4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  V6 bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr,
              bytes.size());
  return is_public_v6(bytes);
}

bool is_public_address(std::string_view numeric_address) {
  const std::string text(numeric_address.substr(0, numeric_address.find('%')));
  in_addr v4_address{};
  if (::inet_pton(AF_INET, text.c_str(), &v4_address) == 1) {
    return is_public_v4(ntohl(v4_address.s_addr));
  }
  V6 bytes;
  return ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1 && is_public_v6(bytes);
}

}  // namespace media::fetch
