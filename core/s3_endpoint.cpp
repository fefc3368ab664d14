#include "core/s3_endpoint.hpp"

#include <algorithm>
#include <charconv>

#include "core/encoding.hpp"

namespace media {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alphanumeric(char c) { return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z'); }

std::unexpected<Error> invalid(std::string_view setting, std::string_view value,
                               std::string_view why) {
  return fail(ErrorCode::invalid_argument,
              std::string(setting) + " \"" + std::string(value) + "\" " + std::string(why));
}

struct Authority {
  std::string_view scheme;
  std::string_view host;  ///< an IPv6 address in brackets
  std::string_view port;  ///< empty: the scheme's own
};

bool is_port(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 && number < 65536;
}

bool is_ipv6(std::string_view host) {
  return host.size() > 3 && host.starts_with('[') && host.ends_with(']') &&
         std::ranges::all_of(host.substr(1, host.size() - 2),
                             [](char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; });
}

bool is_host_name(std::string_view host) {
  return !host.empty() && is_alphanumeric(host.front()) && is_alphanumeric(host.back()) &&
         host.find("..") == std::string_view::npos && std::ranges::all_of(host, [](char c) {
           return is_alphanumeric(c) || c == '-' || c == '.' || c == '_';
         });
}

bool is_address(std::string_view host) {
  return is_ipv6(host) || std::ranges::all_of(host, [](char c) { return is_digit(c) || c == '.'; });
}

Result<Authority> split(std::string_view url) {
  constexpr std::string_view kSetting = "endpoint";
  Authority authority;
  const std::size_t scheme_end = url.find("://");
  authority.scheme = url.substr(0, std::min(scheme_end, url.size()));
  if (scheme_end == std::string_view::npos ||
      (authority.scheme != "http" && authority.scheme != "https")) {
    return invalid(kSetting, url, "should begin with http:// or https://");
  }
  std::string_view rest = url.substr(scheme_end + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('@') != std::string_view::npos) {
    // What stands before the '@' may be a password.
    return fail(ErrorCode::invalid_argument, "endpoint should have no user name before its host");
  }
  if (rest.find_first_of("/?#") != std::string_view::npos) {
    return invalid(kSetting, url, "should end after the host and port");
  }
  const std::size_t bracket = rest.starts_with('[') ? std::min(rest.find(']'), rest.size()) : 0;
  const std::size_t colon = rest.find(':', bracket);
  authority.host = rest.substr(0, colon);
  if (colon != std::string_view::npos) {
    authority.port = rest.substr(colon + 1);
    if (!is_port(authority.port)) return invalid(kSetting, url, "has no valid port");
  }
  if (!is_ipv6(authority.host) && !is_host_name(authority.host)) {
    return invalid(kSetting, url, "has no valid host");
  }
  const std::string_view own_port = authority.scheme == "https" ? "443" : "80";
  if (authority.port == own_port) authority.port = {};
  return authority;
}

/// Object stores that know only paths take names that no DNS label could have.
Result<void> check_bucket(std::string_view bucket, bool is_path_style) {
  const std::size_t most = is_path_style ? 255 : 63;
  const bool is_good = bucket.size() >= 3 && bucket.size() <= most &&
                       is_alphanumeric(bucket.front()) && is_alphanumeric(bucket.back()) &&
                       std::ranges::all_of(bucket, [&](char c) {
                         return is_lower(c) || is_digit(c) || c == '-' || c == '.' ||
                                (is_path_style && (is_alphanumeric(c) || c == '_'));
                       });
  if (is_good) return {};
  return invalid("bucket", bucket,
                 is_path_style
                     ? "is no bucket's name: 3 to 255 letters, digits, \"-\", \".\", \"_\""
                     : "can't be part of a host name: in the virtual style it has 3 to "
                       "63 lower-case letters, digits, \"-\" and \".\"");
}

Result<void> check_virtual_style(const Authority& authority, std::string_view bucket) {
  if (is_address(authority.host)) {
    return invalid("style", "virtual", "needs a host name in the endpoint, not an address");
  }
  if (authority.scheme == "https" && bucket.find('.') != std::string_view::npos) {
    return invalid("bucket", bucket,
                   "has a dot, which certificates of the virtual style do not cover; use the path "
                   "style");
  }
  return {};
}

bool is_region(std::string_view region) {
  return !region.empty() && std::ranges::all_of(region, [](char c) {
    return is_alphanumeric(c) || c == '-' || c == '_';
  });
}

}  // namespace

Result<S3Endpoint> parse_s3_endpoint(std::string_view url, std::string_view bucket,
                                     std::string_view region, std::string_view style) {
  const bool is_path_style = style == "path";
  if (!is_path_style && style != "virtual") {
    return invalid("style", style, "should be \"path\" or \"virtual\"");
  }
  const auto authority = split(url);
  if (!authority) return std::unexpected(authority.error());
  if (auto good = check_bucket(bucket, is_path_style); !good) return std::unexpected(good.error());
  if (!is_region(region)) {
    return invalid("region", region, "should be a name such as us-east-1, or auto");
  }
  S3Endpoint endpoint{.scheme = std::string(authority->scheme),
                      .host = std::string(authority->host),
                      .region = std::string(region),
                      .bucket = std::string(bucket),
                      .is_path_style = is_path_style};
  if (!is_path_style) {
    if (auto good = check_virtual_style(*authority, bucket); !good) {
      return std::unexpected(good.error());
    }
    endpoint.host.insert(0, endpoint.bucket + '.');
  }
  // HTTP clients send it in lower case, and it is signed.
  std::ranges::transform(endpoint.host, endpoint.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  });
  if (!authority->port.empty()) endpoint.host += ':' + std::string(authority->port);
  return endpoint;
}

std::string canonical_uri(const S3Endpoint& endpoint, std::string_view key) {
  std::string uri;
  if (endpoint.is_path_style) uri = '/' + endpoint.bucket;
  if (!key.empty() || uri.empty()) uri += '/' + percent_encode(key, "/");
  return uri;
}

std::string url_of(const S3Endpoint& endpoint, std::string_view canonical_uri) {
  std::string url;
  url.reserve(endpoint.scheme.size() + 3 + endpoint.host.size() + canonical_uri.size());
  return url.append(endpoint.scheme).append("://").append(endpoint.host).append(canonical_uri);
}

}  // namespace media
