#include "indexer/providers/standard_webhooks.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "core/crypto.hpp"
#include "core/encoding.hpp"

namespace media::providers {
namespace {

constexpr std::int64_t kToleranceSeconds = 300;
constexpr std::size_t kMaxHeaderSize = 4096;
constexpr std::size_t kMaxIdSize = 256;
constexpr int kMaxSignatures = 32;
constexpr std::size_t kPublicKeySize = 32;

struct Headers {
  std::string_view id;
  std::string_view timestamp;
  std::string_view signatures;
};

Headers headers_of(const http::Request& request) {
  Headers headers{request.header("webhook-id"), request.header("webhook-timestamp"),
                  request.header("webhook-signature")};
  if (!headers.id.empty() || !headers.signatures.empty()) return headers;
  return {request.header("svix-id"), request.header("svix-timestamp"),
          request.header("svix-signature")};
}

struct Key {
  bool is_public = false;
  Bytes bytes;
};

std::optional<Key> parse_key(std::string_view text) {
  Key key;
  if (text.starts_with("whpk_")) key.is_public = true;
  if (text.starts_with("whpk_") || text.starts_with("whsec_"))
    text.remove_prefix(text.find('_') + 1);
  auto bytes = base64_decode(text, Base64Alphabet::standard, Base64Padding::optional);
  if (!bytes || bytes->empty()) return std::nullopt;
  if (key.is_public && bytes->size() != kPublicKeySize) return std::nullopt;
  key.bytes = std::move(*bytes);
  return key;
}

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const bool is_decimal = !text.empty() && text.size() <= 12 &&
                          text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!is_decimal || std::from_chars(text.data(), end, value).ptr != end) return std::nullopt;
  return value;
}

Result<void> check_headers(const Headers& headers, std::int64_t now) {
  if (headers.id.empty() || headers.timestamp.empty() || headers.signatures.empty()) {
    return fail(ErrorCode::unauthorized, "webhook-id, -timestamp or -signature is missing");
  }
  const bool has_control =
      std::ranges::any_of(headers.id, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (headers.id.size() > kMaxIdSize || has_control || headers.signatures.size() > kMaxHeaderSize) {
    return fail(ErrorCode::unauthorized, "webhook-id or webhook-signature is malformed");
  }
  const auto timestamp = parse_timestamp(headers.timestamp);
  if (!timestamp) return fail(ErrorCode::unauthorized, "webhook-timestamp is malformed");
  if (*timestamp < now - kToleranceSeconds || *timestamp > now + kToleranceSeconds) {
    return fail(ErrorCode::unauthorized, "webhook-timestamp is not within five minutes of now");
  }
  return {};
}

bool matches(std::string_view version, std::string_view signature, const Key& key,
             ByteView message) {
  const auto bytes = base64_decode(signature);
  if (!bytes) return false;
  if (version == "v1" && !key.is_public) {
    return equal_in_constant_time(hmac_sha256(key.bytes, message), *bytes);
  }
  if (version == "v1a" && key.is_public) return verify_ed25519(key.bytes, message, *bytes);
  return false;
}

bool any_matches(std::string_view signatures, const std::vector<Key>& keys, ByteView message) {
  for (int i = 0; i < kMaxSignatures && !signatures.empty(); ++i) {
    const auto space = signatures.find(' ');
    const std::string_view item = signatures.substr(0, space);
    signatures.remove_prefix(space == std::string_view::npos ? signatures.size() : space + 1);
    const auto comma = item.find(',');
    if (comma == std::string_view::npos) continue;
    for (const Key& key : keys) {
      if (matches(item.substr(0, comma), item.substr(comma + 1), key, message)) return true;
    }
  }
  return false;
}

}  // namespace

Result<void> verify_standard_webhook(const http::Request& request,
                                     const std::vector<std::string_view>& keys, std::int64_t now) {
  const Headers headers = headers_of(request);
  if (auto checked = check_headers(headers, now); !checked) return checked;
  std::vector<Key> parsed;
  for (const std::string_view text : keys) {
    if (auto key = parse_key(text)) parsed.push_back(std::move(*key));
  }
  std::string message;
  message.reserve(headers.id.size() + headers.timestamp.size() + request.body.size() + 2);
  message.append(headers.id).append(".").append(headers.timestamp).append(".");
  message.append(request.body);
  if (any_matches(headers.signatures, parsed, as_bytes(message))) return {};
  return fail(ErrorCode::unauthorized, "no webhook-signature matches");
}

std::string_view standard_webhook_id(const http::Request& request) {
  return headers_of(request).id;
}

Result<void> check_standard_webhook_key(std::string_view text) {
  if (text.starts_with("whsk_")) {
    return fail(ErrorCode::invalid_argument,
                "a whsk_ key is the sender's private key: use the whpk_ key beside it");
  }
  if (!parse_key(text)) {
    return fail(ErrorCode::invalid_argument,
                "the key must be whsec_ or whpk_ followed by base64 (whpk_: of 32 bytes)");
  }
  return {};
}

}  // namespace media::providers
