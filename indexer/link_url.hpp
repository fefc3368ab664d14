#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/signed_link.hpp"

namespace media {

/// The URL of a signed link: `public_url` is scheme and host, without a slash
/// at its end.
std::string link_url(std::string_view public_url, const LinkGrant& grant, const LinkKey& key);

/// An IP address as nginx writes it; nothing for any other text.
std::optional<std::string> canonical_address(std::string_view text);

}  // namespace media
