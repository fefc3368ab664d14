#include <chrono>

#include "indexer/link_url.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/link_path.hpp"

namespace media::ops {

Result<std::string> make_link(const Config& config, const CommandLine& line) {
  auto path = link_path(line.media.empty() ? line.name : "/media/" + line.media);
  if (!path) return path;
  if (config.links.keys.empty()) {
    return fail(ErrorCode::not_found, "no key for links: add keys to [links] of " + config.path);
  }
  const auto key = read_link_key(config.links.keys.front());
  if (!key) return std::unexpected(key.error());
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  LinkGrant grant;
  grant.path = std::move(*path);
  grant.is_prefix = line.is_prefix;
  grant.method = line.method;
  grant.expires_at = (std::chrono::ceil<std::chrono::seconds>(now) + line.ttl).count();
  grant.user = line.user;
  grant.address = line.address;
  return link_url(config.server.public_url, grant, *key);
}

}  // namespace media::ops
