#include "indexer/providers/twilio_signature.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "core/media_type.hpp"
#include "indexer/http/form.hpp"

namespace media::providers {
namespace {

// URL parts as Twilio concatenates them; the port with its colon.
struct SplitUrl {
  std::string_view scheme;
  std::string_view host;  ///< with user information
  std::string_view port;
  std::string_view rest;
};

std::optional<SplitUrl> split_url(std::string_view url) {
  const auto mark = url.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  const auto begin = mark + 3;
  const auto end = std::min(url.find_first_of("/?#", begin), url.size());
  const std::string_view authority = url.substr(begin, end - begin);
  const auto host_begin = authority.rfind('@') + 1;  // 0 without user information
  auto colon = authority.find(':', host_begin);
  if (authority.substr(host_begin).starts_with('[')) {
    colon = authority.find(':', std::min(authority.find(']'), authority.size()));
  }
  colon = std::min(colon, authority.size());
  return SplitUrl{url.substr(0, mark), authority.substr(0, colon), authority.substr(colon),
                  url.substr(end)};
}

std::string replace_quotes(std::string_view text) {
  std::string replaced;
  for (const char c : text) {
    if (c == '\'') {
      replaced += "%27";
    } else {
      replaced += c;
    }
  }
  return replaced;
}

// With and without a port, quotes as they are and as WHATWG URL writes them.
std::vector<std::string> ways_to_write(std::string_view url) {
  std::vector<std::string> ways;
  const auto parts = split_url(url);
  if (!parts) return ways;
  const std::string origin = std::string(parts->scheme) + "://" + std::string(parts->host);
  const std::string port = !parts->port.empty()       ? std::string(parts->port)
                           : parts->scheme == "https" ? ":443"
                                                      : ":80";
  for (const std::string& rest : {std::string(parts->rest), replace_quotes(parts->rest)}) {
    ways.push_back(origin + rest);
    ways.push_back(origin + port + rest);
    if (rest.find('\'') == std::string::npos) break;
  }
  return ways;
}

// Names and values without separators; what is repeated counts once.
std::string signed_fields(const http::Form& form) {
  auto fields = form.fields();
  std::ranges::sort(fields);
  const auto repeated = std::ranges::unique(fields);
  fields.erase(repeated.begin(), repeated.end());
  std::string text;
  for (const auto& [name, value] : fields) text.append(name).append(value);
  return text;
}

bool has_digest_of_body(std::string_view url, const std::string& body) {
  http::Request request;
  request.target = url;
  const auto claimed = hex_decode(request.query_value("bodySHA256"));
  return claimed && equal_in_constant_time(sha256(as_bytes(body)), *claimed);
}

}  // namespace

bool is_form(const http::Request& request) {
  return request.method == "POST" &&
         mime_essence(request.header("content-type")) == "application/x-www-form-urlencoded";
}

bool verify_twilio_signature(std::string_view url, const http::Request& request,
                             const std::vector<std::string_view>& auth_tokens) {
  const auto claimed = base64_decode(request.header("x-twilio-signature"));
  if (!claimed || claimed->size() != Sha1Digest().size()) return false;
  std::string tail;
  if (is_form(request)) {
    const auto form = http::Form::parse(request.body);
    if (!form) return false;
    tail = signed_fields(*form);
  } else if (!request.body.empty() && !has_digest_of_body(url, request.body)) {
    return false;
  }
  for (const std::string& way : ways_to_write(url)) {
    const std::string text = way + tail;
    for (const std::string_view token : auth_tokens) {
      if (equal_in_constant_time(hmac_sha1(as_bytes(token), as_bytes(text)), *claimed)) return true;
    }
  }
  return false;
}

}  // namespace media::providers
