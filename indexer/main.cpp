#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>

#include <malloc.h>

#include "indexer/app.hpp"
#include "indexer/config.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/command_line.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/stats.hpp"

namespace {

using media::ops::CommandLine;
using Command = CommandLine::Command;

int finish(const media::Result<std::string>& result) {
  if (!result) {
    std::fprintf(stderr, "media-indexer: %s\n", result.error().message.c_str());
    return 1;
  }
  if (!result->empty()) std::printf("%s\n", result->c_str());
  return 0;
}

/// Commands that print for themselves, and their exit status; nothing for the others.
std::optional<int> run_speaking(const media::Config& config, const CommandLine& line) {
  switch (line.command) {
    case Command::serve:
      return media::serve(config);
    case Command::check:
      return media::ops::run_checks(config) ? 0 : 1;
    case Command::explain:
      return media::ops::explain(config, line);
    case Command::replay:
      return media::ops::replay(config, line);
    case Command::doctor:
      return media::ops::doctor(config, line);
    case Command::backup:
      return media::ops::backup(config, line);
    case Command::restore:
      return media::ops::restore(config, line);
    case Command::migrate:
      return media::ops::migrate(config, line);
    case Command::adopt:
      return media::ops::adopt(config, line);
    case Command::fsck:
      return media::ops::fsck(config, line);
    default:
      return std::nullopt;
  }
}

/// What the other commands print.
media::Result<std::string> answer_of(const media::Config& config, const CommandLine& line) {
  switch (line.command) {
    case Command::company_add:
      return media::ops::add_company(config, line);
    case Command::user_add:
      return media::ops::add_user(config, line);
    case Command::account_add:
      return media::ops::add_account(config, line);
    case Command::account_set:
      return media::ops::set_account(config, line);
    case Command::token:
      return media::ops::make_token(config, line);
    case Command::session_open:
      return media::ops::open_session(config, line);
    case Command::session_revoke:
      return media::ops::revoke_session(config, line);
    case Command::session_list:
      return media::ops::list_sessions(config, line);
    case Command::link:
      return media::ops::make_link(config, line);
    case Command::quarantine_list:
      return media::ops::list_quarantine(config, line);
    case Command::quarantine_release:
      return media::ops::release_from_quarantine(config, line);
    case Command::quarantine_delete:
      return media::ops::delete_from_quarantine(config, line);
    case Command::stats:
      return media::ops::show_stats(config, line);
    case Command::retry:
      return media::ops::retry_downloads(config, line);
    case Command::queue:
      return media::ops::show_queue(config, line);
    case Command::cleanup:
      return media::ops::clean_up(config, line);
    case Command::retention_set:
      return media::ops::set_retention(config, line);
    case Command::retention_remove:
      return media::ops::remove_retention(config, line);
    case Command::retention_list:
      return media::ops::list_retention(config, line);
    case Command::buckets_create:
      return media::ops::create_buckets(config, line);
    case Command::buckets_check:
      return media::ops::check_buckets(config, line);
    case Command::init:
      return media::ops::initialise(config);
    default:
      return media::fail(media::ErrorCode::internal, "a command that nobody runs");
  }
}

int run(const CommandLine& line) {
  if (line.command == Command::help) {
    std::fwrite(media::ops::kUsage.data(), 1, media::ops::kUsage.size(), stdout);
    return 0;
  }
  if (line.command == Command::version) return finish(std::string(media::kVersion));
  const auto config = media::load_config(line.config_path);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().message.c_str());
    return 1;
  }
  const auto status = run_speaking(*config, line);
  return status ? *status : finish(answer_of(*config, line));
}

}  // namespace

int main(int argc, char** argv) {
  // Few threads allocate: more arenas would only keep memory apart.
  mallopt(M_ARENA_MAX, 2);
  // Every transfer has buffers of its own: the memory of the last ones does for the next.
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 8 << 20);
  const auto arguments = media::ops::take_arguments(argc, argv);
  const auto line =
      media::ops::parse_command_line(arguments, [](const char* name) { return getenv(name); });
  if (!line) {
    std::fprintf(stderr, "media-indexer: %s\nTry `media-indexer help`.\n",
                 line.error().message.c_str());
    return 2;
  }
  try {
    return run(*line);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "media-indexer: %s\n", error.what());
    return 1;
  }
}
