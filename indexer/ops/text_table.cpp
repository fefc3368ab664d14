#include "indexer/ops/text_table.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace media::ops {
namespace {

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::size_t width_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues_character));
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
  std::string clean(text.substr(0, limit));
  if (text.size() > limit) {
    while (!clean.empty() && continues_character(text[clean.size()])) clean.pop_back();
  }
  std::ranges::replace_if(
      clean, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  // C1 controls, which some terminals obey, are C2 80 to C2 9F in UTF-8.
  for (std::size_t i = 0; i + 1 < clean.size(); ++i) {
    if (clean[i] == '\xc2' && static_cast<unsigned char>(clean[i + 1]) < 0xa0) {
      clean.replace(i, 2, "?");
    }
  }
  return clean;
}

std::string text_table(const std::vector<std::vector<std::string>>& rows, std::string_view indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line(indent);
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string human_bytes(std::int64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string rough_duration(std::int64_t seconds) {
  const std::int64_t count = std::max<std::int64_t>(seconds, 0);
  if (count < 120) return std::to_string(count) + " s";
  if (count < 120 * 60) return std::to_string(count / 60) + " min";
  if (count < 48 * 3600) return std::to_string(count / 3600) + " h";
  return std::to_string(count / 86400) + " d";
}

}  // namespace media::ops
