#include "indexer/log.hpp"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "indexer/json_string.hpp"

namespace media::log {
namespace {

std::atomic<Level> lowest_level{Level::info};

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

void append_timestamp(std::string& line) {
  using namespace std::chrono;
  const auto now = floor<milliseconds>(system_clock::now());
  const std::time_t seconds = system_clock::to_time_t(now);
  const int fraction = static_cast<int>(now.time_since_epoch().count() % 1000);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[64];
  std::snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, fraction);
  line += text;
}

template <class Number>
void append_number(std::string& line, Number number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  line.append(text, end);
}

struct AppendValue {
  std::string& line;

  void operator()(const std::string& text) const { append_json_string(line, text); }
  void operator()(std::int64_t number) const { append_number(line, number); }
  void operator()(bool value) const { line += value ? "true" : "false"; }
  void operator()(double number) const {
    if (std::isfinite(number)) {
      append_number(line, number);
    } else {
      line += "null";  // JSON has no NaN or infinity
    }
  }
};

/// One write(2) a line keeps lines of several threads and processes whole.
void write_line(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // nowhere left to report it
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

void set_level(Level level) { lowest_level.store(level, std::memory_order_relaxed); }

void write(Level level, std::string_view event, Fields fields) {
  if (level < lowest_level.load(std::memory_order_relaxed)) return;
  std::string line = "{\"ts\":\"";
  append_timestamp(line);
  line += "\",\"level\":\"";
  line += name_of(level);
  line += "\",\"event\":";
  append_json_string(line, event);
  for (const auto& [name, value] : fields) {
    line.push_back(',');
    append_json_string(line, name);
    line.push_back(':');
    std::visit(AppendValue{line}, value);
  }
  line += "}\n";
  write_line(line);
}

}  // namespace media::log
