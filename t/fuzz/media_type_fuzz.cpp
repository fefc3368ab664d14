#include <algorithm>

#include "core/header_value.hpp"
#include "core/media_type.hpp"
#include "core/storage_key.hpp"

// Bytes and names from outside: the first byte says how long the name is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const media::ByteView input(data + 1, size - 1);
  const std::size_t split = std::min<std::size_t>(data[0], input.size());
  const std::string_view name = media::as_text(input.first(split));
  for (const char* const kind : {"image", "video", "audio", "document"}) {
    const auto mime = media::decide_mime_type(input.subspan(split), name, kind);
    if (mime && *mime != "application/octet-stream" && media::mime_essence(*mime) != *mime) {
      __builtin_trap();
    }
    if (mime && media::is_executable(*mime)) __builtin_trap();
  }
  if (!media::is_valid_storage_key(media::safe_segment(name))) __builtin_trap();
  for (const char c : media::content_disposition(true, name)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) __builtin_trap();
  }
  return 0;
}
