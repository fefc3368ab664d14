#include "ngx_media_module/s3/conditions.hpp"

#include <algorithm>

namespace media::nginx {

bool names_entity_tag(std::string_view list, std::string_view tag, bool takes_weak) {
  constexpr std::string_view kBetween = " \t,";
  if (list == "*") return true;
  while (!list.empty()) {
    list.remove_prefix(std::min(list.find_first_not_of(kBetween), list.size()));
    const bool is_weak = list.starts_with("W/");
    if (is_weak) list.remove_prefix(2);
    if (!list.starts_with('"')) return false;
    const std::size_t end = list.find('"', 1);
    if (end == std::string_view::npos) return false;
    if (list.substr(0, end + 1) == tag && (takes_weak || !is_weak)) return true;
    list.remove_prefix(end + 1);
  }
  return false;
}

bool is_single_range(std::string_view range) {
  return range.starts_with("bytes=") && range.find(',') == std::string_view::npos;
}

}  // namespace media::nginx
