#include "indexer/ops/session_token.hpp"

#include <algorithm>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/json.hpp"

namespace media::ops {

std::string new_session_token() {
  std::string token;
  do {
    token = base64_encode(random_bytes(32), Base64Alphabet::url);
  } while (token.front() == '-');
  return token;
}

bool is_self_contained(std::string_view token) { return token.find('.') != std::string_view::npos; }

Result<std::optional<std::int64_t>> expiry_of(std::string_view token) {
  const auto parts = std::ranges::count(token, '.') + 1;
  if (parts == 5) return std::nullopt;  // encrypted (RFC 7516)
  const auto begin = token.find('.') + 1;
  const auto payload = base64_decode(token.substr(begin, token.find('.', begin) - begin),
                                     Base64Alphabet::url, Base64Padding::none);
  const auto claims = payload ? Json::parse(as_text(*payload)) : Json();
  if (parts != 3 || !claims || !claims->is_object()) {
    return fail(ErrorCode::invalid_argument, "this is no whole JSON Web Token");
  }
  return (*claims)["exp"].integer();
}

}  // namespace media::ops
