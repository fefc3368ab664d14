#include "indexer/providers/digest.hpp"

#include <algorithm>

#include "core/encoding.hpp"

namespace media::providers {
namespace {

std::optional<Bytes> decode(std::string_view text) {
  if (text.size() == 64) return hex_decode(text);
  const bool is_url_safe = text.find_first_of("-_") != std::string_view::npos;
  return base64_decode(text, is_url_safe ? Base64Alphabet::url : Base64Alphabet::standard,
                       Base64Padding::optional);
}

}  // namespace

std::optional<Sha256Digest> parse_sha256(std::string_view text) {
  const auto bytes = decode(text);
  if (!bytes || bytes->size() != Sha256Digest().size()) return std::nullopt;
  Sha256Digest digest;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

}  // namespace media::providers
