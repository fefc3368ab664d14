#include "indexer/storage/s3_object.hpp"

#include <algorithm>
#include <charconv>

#include <curl/curl.h>

#include "core/encoding.hpp"
#include "core/header_value.hpp"
#include "core/storage_key.hpp"
#include "core/utf8.hpp"

namespace media::storage {
namespace {

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c >= 32 && c < 127; });
}

std::optional<Sha256Digest> digest_of(const std::string& hex) {
  const auto bytes = hex_decode(hex);
  Sha256Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

}  // namespace

Result<void> check_object_key(std::string_view key) {
  if (!is_valid_storage_key(key) || is_reserved_storage_key(key) || to_valid_utf8(key) != key) {
    return fail(ErrorCode::invalid_argument, "not a usable storage key");
  }
  return {};
}

S3Pairs object_headers(const ObjectMetadata& metadata) {
  const bool has_type = !metadata.content_type.empty() && is_visible_ascii(metadata.content_type);
  S3Pairs headers{{"content-type", has_type ? metadata.content_type : "application/octet-stream"},
                  {"x-amz-meta-sha256", hex_encode(metadata.sha256)}};
  if (!metadata.file_name.empty()) {
    headers.emplace_back("x-amz-meta-filename",
                         percent_encode(display_file_name(metadata.file_name)));
  }
  if (!metadata.account_id.empty()) {
    headers.emplace_back("x-amz-meta-account", percent_encode(metadata.account_id));
  }
  return headers;
}

ObjectInfo object_info(std::string_view key, const S3Answer& answer) {
  ObjectInfo info;
  info.key = key;
  const std::string length = answer.header("content-length");
  std::from_chars(length.data(), length.data() + length.size(), info.size);
  info.modified_at =
      std::max<std::int64_t>(0, ::curl_getdate(answer.header("last-modified").c_str(), nullptr));
  info.sha256 = digest_of(answer.header("x-amz-meta-sha256"));
  info.content_type = answer.header("content-type");
  return info;
}

}  // namespace media::storage
