#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media {

/// A secret that signs links. Several at once allow rotation: new links take
/// the first, old ones stay valid while their key is listed.
struct LinkKey {
  std::string id;  ///< [A-Za-z0-9_-]{1,32}
  Bytes secret;    ///< at least 32 bytes
};

inline constexpr std::size_t kMinLinkKeySize = 32;
bool is_link_key_id(std::string_view text);

/// What a signed link allows.
struct LinkGrant {
  std::string path;             ///< decoded path, or with `is_prefix` all paths below it
  bool is_prefix = false;       ///< `path` then ends in '/'
  std::string method = "GET";   ///< GET covers HEAD
  std::int64_t expires_at = 0;  ///< Unix seconds, exclusive
  std::string user;             ///< empty: anybody; else the session's user must be this one
  std::string address;          ///< empty: from anywhere; else the client's address as text
};

/// The query that makes a link of the grant's path, without '?':
///   key=ID&expires=UNIX[&prefix=PATH][&method=M][&user=U][&address=1]&signature=S
/// where S is the unpadded base64url of
///   HMAC-SHA256(secret, "ngx_media link 1" LF method LF path LF expires LF key LF user LF address)
std::string sign_link(const LinkGrant& grant, const LinkKey& key);

/// The request that a link came with.
struct LinkRequest {
  std::string_view method;
  std::string_view path;     ///< decoded
  std::string_view query;    ///< as received
  std::string_view user;     ///< of the session; empty when there is none
  std::string_view address;  ///< of the client
};

/// Whether the query holds a link at all (has a `signature`).
bool has_link(std::string_view query);

/// Checks signature first, in constant time, then what it covers. An argument
/// that occurs twice makes the link invalid. Errors: `unauthorized`, `expired`.
Result<LinkGrant> verify_link(const LinkRequest& request, std::span<const LinkKey> keys,
                              std::int64_t now_unix_seconds);

}  // namespace media
