#include "indexer/providers/file_type.hpp"

#include <array>

#include "core/media_type.hpp"

namespace media::providers {
namespace {

struct KindOfExtensions {
  std::string_view file_type;
  std::string_view extensions;
};
constexpr std::array<KindOfExtensions, 3> kExtensions = {{
    {"image", " jpg jpeg png gif webp heic avif "},
    {"video", " mp4 mov webm 3gp mkv m4v "},
    {"audio", " mp3 ogg oga opus m4a aac amr wav flac "},
}};

// What an extension says of an item that came without a content type.
std::string_view file_type_of_name(std::string_view name) {
  name = name.substr(0, name.find_first_of("?#"));
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > 6) return "document";
  std::string extension = " ";
  for (const char c : name.substr(dot + 1)) extension += static_cast<char>(c | 0x20);
  extension += ' ';
  for (const auto& [file_type, extensions] : kExtensions) {
    if (extensions.find(extension) != std::string_view::npos) return file_type;
  }
  return "document";
}

}  // namespace

std::string file_type_of_item(const IncomingMedia& item) {
  const std::string essence = mime_essence(item.declared_mime_type);
  if (!essence.empty() && essence != "application/octet-stream" &&
      essence != "binary/octet-stream") {
    return std::string(file_type_of(essence));
  }
  return std::string(file_type_of_name(item.file_name.empty() ? item.url : item.file_name));
}

}  // namespace media::providers
