#include "indexer/providers/timestamp.hpp"

#include <charconv>
#include <chrono>

namespace media::providers {
namespace {

// The decimal number of exactly `count` digits at `at`, or -1.
int number_at(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

bool has_layout(std::string_view text) {
  return text.size() >= 20 && text[4] == '-' && text[7] == '-' &&
         (text[10] == 'T' || text[10] == 't' || text[10] == ' ') && text[13] == ':' &&
         text[16] == ':';
}

// Seconds east of UTC of "Z", "+hh:mm" or "-hh:mm".
std::optional<int> zone_offset(std::string_view zone) {
  if (zone == "Z" || zone == "z") return 0;
  if (zone.size() != 6 || zone[3] != ':' || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const int hours = number_at(zone, 1, 2);
  const int minutes = number_at(zone, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return (zone[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  if (!has_layout(text)) return std::nullopt;
  const year_month_day date{year(number_at(text, 0, 4)),
                            month(static_cast<unsigned>(number_at(text, 5, 2))),
                            day(static_cast<unsigned>(number_at(text, 8, 2)))};
  const int hour = number_at(text, 11, 2);
  const int minute = number_at(text, 14, 2);
  const int second = number_at(text, 17, 2);
  if (!date.ok() || int(date.year()) < 1970 || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
      second < 0 || second > 60) {
    return std::nullopt;
  }
  std::size_t zone_at = 19;
  if (text[zone_at] == '.') {
    zone_at = text.find_first_not_of("0123456789", zone_at + 1);
    if (zone_at == 20 || zone_at == std::string_view::npos) return std::nullopt;
  }
  const auto offset = zone_offset(text.substr(zone_at));
  if (!offset) return std::nullopt;
  return sys_days(date).time_since_epoch() / seconds(1) + hour * 3600 + minute * 60 + second -
         *offset;
}

}  // namespace media::providers
