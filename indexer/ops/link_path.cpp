#include "indexer/ops/link_path.hpp"

#include <algorithm>

#include "core/encoding.hpp"

namespace media::ops {
namespace {

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

// Segments between slashes; the last one may be empty.
bool has_segment_that_nginx_drops(std::string_view path) {
  path.remove_prefix(1);
  for (;;) {
    const auto slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    if (segment.empty()) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

Result<std::string> link_path(std::string_view url_path) {
  const auto refused = [](const char* why) {
    return fail(ErrorCode::invalid_argument, std::string("PATH ") + why);
  };
  if (!url_path.starts_with('/')) return refused("must begin with '/'");
  if (url_path.find_first_of("?#") != std::string_view::npos) {
    return refused("must not have a query or a fragment");
  }
  auto path = percent_decode(url_path);
  if (!path || std::ranges::any_of(*path, is_control)) return refused("is badly encoded");
  if (has_segment_that_nginx_drops(*path)) return refused("has an empty or a dot segment");
  return *path;
}

}  // namespace media::ops
