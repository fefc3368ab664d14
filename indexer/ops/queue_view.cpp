#include "indexer/ops/queue_view.hpp"

#include <chrono>
#include <cstdio>
#include <thread>

#include <unistd.h>

#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::chrono::seconds kRefresh{2};
constexpr const char* kTop = "10";
constexpr const char* kClearScreen = "\033[H\033[2J";

std::string number(const Json& object, std::string_view key) {
  return std::to_string(object[key].integer().value_or(0));
}

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kErrorWidth = 80;

std::string since(const Json& object, std::string_view key, std::int64_t now) {
  const auto then = object[key].integer();
  return then ? rough_duration(now - *then) : "-";
}

std::string until(const Json& object, std::string_view key, std::int64_t now) {
  const auto then = object[key].integer();
  if (!then) return "-";
  return *then < now ? "over since " + rough_duration(now - *then) : rough_duration(*then - now);
}

std::string totals_text(const Json& state, std::int64_t now) {
  Rows table{{"ready", "running", "waiting", "suspended", "failed", "oldest"}};
  table.push_back({number(state, "ready"), number(state, "running"), number(state, "waiting"),
                   number(state, "suspended"), number(state, "failed"),
                   since(state, "oldest_at", now)});
  return text_table(table);
}

std::string companies_text(const Json& list, std::int64_t now) {
  Rows table{{"company", "jobs", "ready", "running", "waiting", "oldest"}};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json company = list[i];
    table.push_back({printable(company["company"].text(), 40), number(company, "jobs"),
                     number(company, "ready"), number(company, "running"),
                     number(company, "waiting"), since(company, "oldest_at", now)});
  }
  return table.size() == 1 ? std::string() : "\n" + text_table(table);
}

std::string suspensions_text(const Json& list, std::int64_t now) {
  Rows table{{"suspended account", "of", "since", "probe in", "jobs", "reason"}};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json entry = list[i];
    std::string account =
        std::string(entry["provider"].text()) + " " + printable(entry["external_id"].text(), 40);
    if (!entry["host"].text().empty()) account += " at " + printable(entry["host"].text(), 40);
    table.push_back({account, printable(entry["company"].text(), 40), since(entry, "since", now),
                     until(entry, "probe_at", now), number(entry, "jobs"),
                     std::string(entry["reason"].text()) + ": " +
                         printable(entry["error"].text(), kErrorWidth)});
  }
  return table.size() == 1 ? std::string() : "\n" + text_table(table);
}

std::string deadlines_text(const Json& list, std::int64_t now) {
  Rows table{{"lost next", "in", "provider", "company", "attempts", "last error"}};
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Json job = list[i];
    table.push_back({std::string(job["media_id"].text()), until(job, "expires_at", now),
                     std::string(job["provider"].text()), printable(job["company"].text(), 40),
                     number(job, "attempts"), printable(job["last_error"].text(), kErrorWidth)});
  }
  return table.size() == 1 ? std::string() : "\n" + text_table(table);
}

Result<std::string> queue_state(const Config& config) {
  return with_database(
      config, [](db::Database& database, yield_context yield) -> Result<std::string> {
        const auto rows = database.query(yield, "SELECT media.queue_state($1) AS state", {kTop});
        if (!rows) return std::unexpected(rows.error());
        return std::string(rows->text(0, "state"));
      });
}

Result<std::string> queue_once(const Config& config, const CommandLine& line) {
  auto state = queue_state(config);
  if (!state) return state;
  const auto json = Json::parse(*state);
  if (!json) return std::unexpected(json.error());
  return line.as_json ? json->dump() : queue_text(*json);
}

}  // namespace

std::string queue_text(const Json& state) {
  const std::int64_t now = state["at"].integer().value_or(0);
  std::string text = totals_text(state, now) + companies_text(state["companies"], now) +
                     suspensions_text(state["suspensions"], now) +
                     deadlines_text(state["deadlines"], now);
  text.pop_back();  // the caller ends the last line
  return text;
}

Result<std::string> show_queue(const Config& config, const CommandLine& line) {
  while (line.is_watching) {
    const auto shown = queue_once(config, line);
    if (!shown) return shown;
    if (isatty(STDOUT_FILENO) == 1 && !line.as_json) std::fputs(kClearScreen, stdout);
    // A reader that went away ends the watch.
    if (std::printf("%s\n", shown->c_str()) < 0 || std::fflush(stdout) != 0) return std::string();
    std::this_thread::sleep_for(kRefresh);
  }
  return queue_once(config, line);
}

}  // namespace media::ops
