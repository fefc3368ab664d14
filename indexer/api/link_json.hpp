#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/signed_link.hpp"
#include "indexer/json.hpp"

namespace media::api {

/// What the body of POST /api/v1/media/{id}/links asks for; the path is the
/// caller's to fill in. An empty body asks for the defaults. Error
/// `invalid_argument` names the member.
Result<LinkGrant> parse_link_grant(std::string_view body, std::int64_t now_unix_seconds);

/// The answer to it.
Json link_json(const LinkGrant& grant, const std::string& url);

}  // namespace media::api
