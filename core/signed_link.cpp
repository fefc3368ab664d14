#include "core/signed_link.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/crypto.hpp"

namespace media {
namespace {

constexpr std::size_t kMaxQuerySize = 4096;

/// The arguments of a link; each at most once.
struct Arguments {
  std::string key;
  std::string expires;
  std::string prefix;
  std::string method;
  std::string user;
  std::string address;
  std::string signature;
};

std::string* find_argument(Arguments& arguments, std::string_view name) {
  if (name == "key") return &arguments.key;
  if (name == "expires") return &arguments.expires;
  if (name == "prefix") return &arguments.prefix;
  if (name == "method") return &arguments.method;
  if (name == "user") return &arguments.user;
  if (name == "address") return &arguments.address;
  if (name == "signature") return &arguments.signature;
  return nullptr;
}

/// Foreign arguments are left alone; an empty, broken or repeated one of ours
/// makes the whole query unusable.
std::optional<Arguments> parse(std::string_view query) {
  if (query.size() > kMaxQuerySize) return std::nullopt;
  Arguments arguments;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    std::string* const argument = find_argument(arguments, pair.substr(0, equals));
    if (argument == nullptr) continue;
    auto value = percent_decode(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!value || value->empty() || !argument->empty()) return std::nullopt;
    *argument = std::move(*value);
  }
  return arguments;
}

Sha256Digest signature_of(const LinkGrant& grant, std::string_view expires, const LinkKey& key) {
  std::string text = "ngx_media link 1\n";
  for (const std::string_view line :
       {std::string_view(grant.method), std::string_view(grant.path), expires,
        std::string_view(key.id), std::string_view(grant.user)}) {
    text.append(line).push_back('\n');
  }
  return hmac_sha256(key.secret, as_bytes(text += grant.address));
}

/// Line feeds separate what is signed: one inside a value could shift the others.
bool has_line_feed(const LinkGrant& grant) {
  return (grant.path + grant.method + grant.user + grant.address).find('\n') != std::string::npos;
}

bool covers_path(const LinkGrant& grant, std::string_view path) {
  if (!grant.is_prefix) return grant.path == path;
  return grant.path.ends_with('/') && path.starts_with(grant.path);
}

bool covers_method(const LinkGrant& grant, std::string_view method) {
  return grant.method == method || (grant.method == "GET" && method == "HEAD");
}

std::unexpected<Error> refused(std::string why) {
  return fail(ErrorCode::unauthorized, "signed link " + std::move(why));
}

}  // namespace

bool is_link_key_id(std::string_view text) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !text.empty() && text.size() <= 32 &&
         text.find_first_not_of(kLetters) == std::string_view::npos;
}

std::string sign_link(const LinkGrant& grant, const LinkKey& key) {
  const std::string expires = std::to_string(grant.expires_at);
  std::string query = "key=" + percent_encode(key.id) + "&expires=" + expires;
  if (grant.is_prefix) query += "&prefix=" + percent_encode(grant.path, "/");
  if (grant.method != "GET") query += "&method=" + percent_encode(grant.method);
  if (!grant.user.empty()) query += "&user=" + percent_encode(grant.user);
  if (!grant.address.empty()) query += "&address=1";
  const Sha256Digest signature = signature_of(grant, expires, key);
  return query + "&signature=" + base64_encode(signature, Base64Alphabet::url);
}

bool has_link(std::string_view query) {
  return query.starts_with("signature=") || query.find("&signature=") != std::string_view::npos;
}

Result<LinkGrant> verify_link(const LinkRequest& request, std::span<const LinkKey> keys,
                              std::int64_t now_unix_seconds) {
  const auto arguments = parse(request.query);
  if (!arguments) return refused("is malformed");
  const auto key = std::find_if(keys.begin(), keys.end(),
                                [&](const LinkKey& each) { return each.id == arguments->key; });
  if (key == keys.end()) return refused("names no known key");

  LinkGrant grant;
  grant.is_prefix = !arguments->prefix.empty();
  grant.path = grant.is_prefix ? arguments->prefix : std::string(request.path);
  if (!arguments->method.empty()) grant.method = arguments->method;
  grant.user = arguments->user;
  if (!arguments->address.empty()) grant.address = std::string(request.address);
  if (has_line_feed(grant)) return refused("is malformed");

  const auto signature =
      base64_decode(arguments->signature, Base64Alphabet::url, Base64Padding::none);
  if (!signature ||
      !equal_in_constant_time(*signature, signature_of(grant, arguments->expires, *key))) {
    return refused("has a wrong signature");
  }
  const std::string& expires = arguments->expires;
  const char* const end = expires.data() + expires.size();
  if (std::from_chars(expires.data(), end, grant.expires_at).ptr != end) {
    return refused("is malformed");
  }
  if (now_unix_seconds >= grant.expires_at) return fail(ErrorCode::expired, "signed link expired");
  if (!covers_path(grant, request.path)) return refused("is for another path");
  if (!covers_method(grant, request.method)) return refused("is for another method");
  if (!grant.user.empty() && grant.user != request.user) return refused("is for another user");
  return grant;
}

}  // namespace media
