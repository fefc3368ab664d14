#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace media::nginx {

/// How the value of a `media_token` source is read.
enum class TokenForm {
  bearer,  ///< `Authorization` header: the Bearer scheme is required
  plain,   ///< the value is the token
};

/// The form of a source as written in the configuration, e.g. "$http_authorization".
TokenForm token_form_of(std::string_view source);

/// The token in a source's value; nothing when there is none, or when an
/// `Authorization` header uses another scheme (RFC 9110 section 11.1: schemes
/// are case-insensitive).
std::optional<std::string_view> token_in(TokenForm form, std::string_view value);

/// Value of the `Vary` header for answers that depend on these sources, empty
/// when only the URL decides. Of a source that is neither a header, a cookie
/// nor an argument, both Authorization and Cookie are assumed.
std::string vary_of(std::span<const std::string_view> sources);

}  // namespace media::nginx
