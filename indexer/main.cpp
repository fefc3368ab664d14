#include <cstdio>
#include <cstdlib>
#include <exception>
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
  switch (line.command) {
    case Command::serve:
      return media::serve(*config);
    case Command::check:
      return media::ops::run_checks(*config) ? 0 : 1;
    case Command::company_add:
      return finish(media::ops::add_company(*config, line));
    case Command::user_add:
      return finish(media::ops::add_user(*config, line));
    case Command::account_add:
      return finish(media::ops::add_account(*config, line));
    case Command::account_set:
      return finish(media::ops::set_account(*config, line));
    case Command::token:
      return finish(media::ops::make_token(*config, line));
    case Command::session_open:
      return finish(media::ops::open_session(*config, line));
    case Command::session_revoke:
      return finish(media::ops::revoke_session(*config, line));
    case Command::session_list:
      return finish(media::ops::list_sessions(*config, line));
    case Command::link:
      return finish(media::ops::make_link(*config, line));
    case Command::quarantine_list:
      return finish(media::ops::list_quarantine(*config, line));
    case Command::quarantine_release:
      return finish(media::ops::release_from_quarantine(*config, line));
    case Command::quarantine_delete:
      return finish(media::ops::delete_from_quarantine(*config, line));
    case Command::explain:
      return media::ops::explain(*config, line);
    case Command::replay:
      return media::ops::replay(*config, line);
    case Command::doctor:
      return media::ops::doctor(*config, line);
    case Command::backup:
      return media::ops::backup(*config, line);
    case Command::restore:
      return media::ops::restore(*config, line);
    case Command::stats:
      return finish(media::ops::show_stats(*config, line));
    case Command::migrate:
      return media::ops::migrate(*config, line);
    case Command::adopt:
      return media::ops::adopt(*config, line);
    case Command::retry:
      return finish(media::ops::retry_downloads(*config, line));
    case Command::queue:
      return finish(media::ops::show_queue(*config, line));
    case Command::fsck:
      return media::ops::fsck(*config, line);
    case Command::cleanup:
      return finish(media::ops::clean_up(*config, line));
    case Command::retention_set:
      return finish(media::ops::set_retention(*config, line));
    case Command::retention_remove:
      return finish(media::ops::remove_retention(*config, line));
    case Command::retention_list:
      return finish(media::ops::list_retention(*config, line));
    case Command::buckets_create:
      return finish(media::ops::create_buckets(*config, line));
    case Command::buckets_check:
      return finish(media::ops::check_buckets(*config, line));
    case Command::init:
      return finish(media::ops::initialise(*config));
    case Command::version:
    case Command::help:
      break;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // Few threads allocate: more arenas would only keep memory apart.
  mallopt(M_ARENA_MAX, 2);
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
