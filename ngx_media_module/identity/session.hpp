#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/jwe.hpp"
#include "core/jwt.hpp"
#include "ngx_media_module/lookup/statement.hpp"
#include "ngx_media_module/ngx.hpp"

namespace media::nginx {

/// `media_session jwt`
struct JwtSession {
  JwsKeySet keys;
  ClaimPolicy policy;
};

/// `media_session nextauth`
struct NextAuthSession {
  struct Cookie {
    std::string name;
    std::vector<NextAuthKey> keys;
  };
  std::vector<Cookie> cookies;
  ClaimPolicy policy;
};

/// `media_session database`
struct DatabaseSession {
  const Statement* statement = nullptr;
  bool asks_by_token = false;  ///< instead of its SHA-256
};

/// `media_session request`
struct RequestSession {
  ngx_str_t uri{};
  std::vector<ngx_http_complex_value_t> key;  ///< what tells one caller from another
  std::vector<std::string> key_texts;         ///< as configured
  ngx_msec_t valid = 30000;
};

/// One way to find out who the caller is.
struct Session {
  std::variant<JwtSession, NextAuthSession, DatabaseSession, RequestSession> method;
  std::string text;                  ///< as configured
  std::optional<bool> is_revocable;  ///< as configured; by default if there is a database
  /// Asks whether a token was revoked; null: nobody is asked.
  const Statement* revocation = nullptr;
  /// Part of cache keys: what was found out under other keys or rules does not count.
  std::uint64_t fingerprint = 0;
};

/// The ways of a location, tried in order.
struct SessionChain {
  std::vector<Session*> sessions;
};

}  // namespace media::nginx
