#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace media::ops {

/// A secret named on the command line, and where its value comes from.
struct SecretArgument {
  enum class Source { value, file, environment };
  std::string name;
  Source source = Source::value;
  std::string text;  ///< the value, the path, or the variable's name
};

/// What is switched on or off for an account.
struct SwitchArgument {
  std::string name;
  bool is_on = false;
};

struct CommandLine {
  enum class Command {
    serve,
    check,
    company_add,
    user_add,
    account_add,
    account_set,
    token,
    session_open,
    session_revoke,
    session_list,
    link,
    quarantine_list,
    quarantine_release,
    quarantine_delete,
    explain,
    replay,
    doctor,
    stats,
    retry,
    queue,
    backup,
    restore,
    fsck,
    cleanup,
    retention_set,
    retention_remove,
    retention_list,
    buckets_create,
    buckets_check,
    migrate,
    adopt,
    init,
    version,
    help,
  };
  Command command = Command::help;
  std::string config_path;
  std::string name;  ///< the argument without an option: a name, token, path or id
  std::string company;
  std::string user;
  std::string role = "agent";
  std::string provider;
  std::string external_id;
  std::vector<SecretArgument> secrets;
  std::vector<SwitchArgument> switches;
  std::chrono::seconds ttl{3600};
  std::string media;           ///< id
  std::string method = "GET";  ///< that a link is for
  std::string address;         ///< that a link is for, as nginx writes it
  bool is_prefix = false;
  bool as_json = false;
  std::string since;  ///< "YYYY-MM-DD…", or a duration: so long ago
  std::string until;  ///< likewise
  bool is_dry_run = false;
  bool is_verifying = false;       ///< reads files, not only their sizes
  std::vector<std::string> names;  ///< where several are taken: media ids
  std::string reason;              ///< code of failed downloads
  std::optional<std::chrono::seconds> max_age;
  std::optional<std::int64_t> max_attempts;
  std::optional<std::int64_t> limit;
  bool is_watching = false;
  std::string to;        ///< a store, or where backups are: a directory, or "store:NAME"
  std::string from;      ///< likewise
  std::string into;      ///< a store's name
  std::string snapshot;  ///< "20261121T230501Z"
  std::string conninfo;
  std::optional<std::int64_t> keep;
  std::string store;                            ///< the only one to be looked at
  std::vector<std::string> repairs;             ///< kinds of findings that are mended
  std::optional<std::chrono::seconds> min_age;  ///< what is younger is left alone
  bool is_hashing = false;
  std::optional<std::int64_t> budget;  ///< bytes to be read
  std::string bucket;
  std::string days;                  ///< a number from 1, or "forever"
  std::vector<std::string> origins;  ///< that may read a bucket from their pages
  std::size_t concurrency = 12;
  std::uint64_t rate = 0;  ///< bytes a second; 0: any
  bool is_verifying_only = false;
  bool is_rolling_back = false;
  std::string table;  ///< of a site's own: "name" or "schema.name"
  std::vector<std::pair<std::string, std::string>> columns;  ///< what for, and its name
  std::string root;                                          ///< directory of the files
  bool is_linking = false;
  bool is_copying = false;
};

/// Copies the arguments and overwrites values of --secret, --conninfo and tokens in place,
/// so that they do not show in `ps` any longer.
std::vector<std::string> take_arguments(int argc, char** argv);

/// Error `invalid_argument`: wrong usage. `environment` is getenv, or a test's.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                       const std::function<const char*(const char*)>& environment);

/// "90", "90s", "15m", "1h" or "7d". Nothing for everything else.
std::optional<std::chrono::seconds> parse_ttl(std::string_view text);

/// "500000", "64K", "10M", "1G" or "2T": powers of 1024. Nothing for everything else, and for 0.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

extern const std::string_view kUsage;

}  // namespace media::ops
