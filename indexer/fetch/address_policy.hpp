#pragma once

#include <string_view>

#include <sys/socket.h>

namespace media::fetch {

/// Whether an address is one of the public Internet: not this host, this
/// network, or anything else that the IANA special-purpose registries keep out
/// of global routing. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4,
/// Teredo, ISATAP) must be public itself. Other address families are not.
bool is_public_address(const sockaddr& address);

/// The same for a numeric address, as inet_pton() reads it.
bool is_public_address(std::string_view numeric_address);

}  // namespace media::fetch
