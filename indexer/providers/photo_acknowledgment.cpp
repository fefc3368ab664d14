#include "indexer/providers/photo_acknowledgment.hpp"

#include <algorithm>
#include <array>

namespace media::providers {
namespace {

struct Kind {
  std::string_view file_type;
  std::string_view one;
  std::string_view several;
};

constexpr std::array<Kind, 4> kKinds = {{
    {"image", "photo", "photos"},
    {"video", "video", "videos"},
    {"audio", "audio message", "audio messages"},
    {"document", "document", "documents"},
}};

// "a", "a and b", "a, b and c"
std::string enumerate(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

}  // namespace

std::string generate_photo_acknowledgment(const std::vector<IncomingMedia>& media) {
  std::vector<std::string> parts;
  for (const Kind& kind : kKinds) {
    const auto count = std::ranges::count(media, kind.file_type, &IncomingMedia::file_type);
    if (count == 1)
      parts.push_back(media.size() == 1 ? std::string(kind.one) : "1 " + std::string(kind.one));
    if (count > 1) parts.push_back(std::to_string(count) + " " + std::string(kind.several));
  }
  return parts.empty() ? "" : "Thank you, we received your " + enumerate(parts) + ".";
}

}  // namespace media::providers
