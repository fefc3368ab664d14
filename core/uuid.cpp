#include "core/uuid.hpp"

#include <algorithm>

#include "core/crypto.hpp"
#include "core/encoding.hpp"

namespace media {
namespace {

constexpr std::size_t kTextSize = 36;

constexpr bool is_dash_position(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

std::optional<Uuid> Uuid::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Uuid uuid;
  std::size_t at = 0;
  for (auto& byte : uuid.bytes) {
    if (is_dash_position(at)) {
      if (text[at] != '-') return std::nullopt;
      ++at;
    }
    const int high = hex_value(text[at++]);
    const int low = hex_value(text[at++]);
    if ((high | low) < 0) return std::nullopt;
    byte = static_cast<std::uint8_t>(high << 4 | low);
  }
  return uuid;
}

Uuid Uuid::v7(std::uint64_t unix_milliseconds) {
  Uuid uuid;
  const Bytes random = random_bytes(uuid.bytes.size());
  std::copy(random.begin(), random.end(), uuid.bytes.begin());
  for (int i = 0; i < 6; ++i) {
    uuid.bytes[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(unix_milliseconds >> (40 - 8 * i));
  }
  uuid.bytes[6] = static_cast<std::uint8_t>(0x70 | (uuid.bytes[6] & 0x0f));
  uuid.bytes[8] = static_cast<std::uint8_t>(0x80 | (uuid.bytes[8] & 0x3f));
  return uuid;
}

std::string Uuid::to_string() const {
  std::string text(kTextSize, '-');
  ByteView rest = bytes;
  char* out = text.data();
  for (const std::size_t group : {4u, 2u, 2u, 2u, 6u}) {
    out = hex_encode_to(rest.first(group), out) + 1;
    rest = rest.subspan(group);
  }
  return text;
}

}  // namespace media
