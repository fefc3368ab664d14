#include "indexer/api/link_json.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "indexer/link_url.hpp"

namespace media::api {
namespace {

constexpr std::int64_t kDefaultSeconds = 3600;
constexpr std::int64_t kMaxSeconds = std::int64_t{7} * 24 * 3600;
constexpr std::size_t kMaxUserSize = 256;

std::unexpected<Error> refused(const std::string& what) {
  return fail(ErrorCode::invalid_argument, what);
}

bool is_user(std::string_view text) {
  return !text.empty() && text.size() <= kMaxUserSize &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// RFC 3339.
std::string utc(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[sizeof "9999-12-31T23:59:59Z"];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Result<Json> parse_members(std::string_view body) {
  if (body.empty()) return Json::object();
  auto json = Json::parse(body);
  if (!json) return json;
  if (!json->is_object()) return refused("the body must be a JSON object");
  constexpr std::array<std::string_view, 4> kKnown = {"expires_in", "method", "user", "address"};
  for (const std::string& name : json->names()) {
    if (std::ranges::find(kKnown, name) == kKnown.end()) {
      return refused("unknown member '" + name +
                     "'; there are expires_in, method, user and address");
    }
  }
  return json;
}

Result<std::int64_t> lifetime_of(const Json& member) {
  if (!member) return kDefaultSeconds;
  const auto seconds = member.integer();
  if (!seconds || *seconds < 1 || *seconds > kMaxSeconds) {
    return refused("expires_in must be 1 to " + std::to_string(kMaxSeconds) + " seconds");
  }
  return *seconds;
}

}  // namespace

Result<LinkGrant> parse_link_grant(std::string_view body, std::int64_t now_unix_seconds) {
  const auto members = parse_members(body);
  if (!members) return std::unexpected(members.error());
  const auto lifetime = lifetime_of((*members)["expires_in"]);
  if (!lifetime) return std::unexpected(lifetime.error());
  LinkGrant grant;
  grant.expires_at = now_unix_seconds + *lifetime;
  if (const Json method = (*members)["method"]) {
    grant.method = method.text();
    if (grant.method != "GET" && grant.method != "HEAD")
      return refused("method must be GET or HEAD");
  }
  if (const Json user = (*members)["user"]) {
    grant.user = user.text();
    if (!is_user(grant.user)) {
      return refused("user must be the id of a user, of 1 to 256 bytes");
    }
  }
  if (const Json address = (*members)["address"]) {
    grant.address = canonical_address(address.text()).value_or("");
    if (grant.address.empty()) return refused("address must be an IP address");
  }
  return grant;
}

Json link_json(const LinkGrant& grant, const std::string& url) {
  return Json::object().set("url", std::string_view(url)).set("expires_at", utc(grant.expires_at));
}

}  // namespace media::api
