#include "indexer/ops/command_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/uuid.hpp"
#include "indexer/link_url.hpp"

namespace media::ops {
namespace {

using Command = CommandLine::Command;

constexpr std::string_view kDefaultConfig = "/etc/ngx_media/indexer.toml";
constexpr std::int64_t kMaxConcurrency = 64;
constexpr std::int64_t kMaxTtlSeconds = std::int64_t{10} * 366 * 24 * 3600;

struct CommandRule {
  std::string_view words;
  Command command;
  std::string_view
      argument;              ///< what stands without an option, if anything does; "...": any number
  std::string_view options;  ///< with spaces around each, as flags
  std::string_view required;
  std::string_view flags = "";    ///< options without a value
  std::string_view instead = "";  ///< the option that may take the argument's place
  std::chrono::hours ttl{1};
};

constexpr auto kCommands = std::to_array<CommandRule>({
    {"serve", Command::serve, "", "", ""},
    {"check", Command::check, "", "", ""},
    {"company add", Command::company_add, "NAME", "", ""},
    {"user add", Command::user_add, "NAME", " --company --role ", "--company"},
    {"account add", Command::account_add, "",
     " --company --provider --external-id --secret --secret-file --secret-env --setting ",
     "--company --provider --external-id"},
    {"account set", Command::account_set, "",
     " --provider --external-id --secret --secret-file --secret-env --setting ",
     "--provider --external-id"},
    {"token", Command::token, "", " --user --company --ttl ", "--user --company"},
    {"session open", Command::session_open, "", " --user --company --ttl ", "--user --company", "",
     "", std::chrono::hours(12)},
    {"session revoke", Command::session_revoke, "TOKEN", " --user ", "", "", "--user"},
    {"session list", Command::session_list, "", " --user ", "--user", " --json "},
    {"link", Command::link, "PATH", " --media --ttl --method --user --address ", "", " --prefix ",
     "--media"},
    {"quarantine list", Command::quarantine_list, "", "", "", " --json "},
    {"quarantine release", Command::quarantine_release, "MEDIA_ID", "", "", " --json "},
    {"quarantine delete", Command::quarantine_delete, "MEDIA_ID", "", "", " --json "},
    {"explain", Command::explain, "ID", "", "", " --json --verify "},
    {"replay", Command::replay, "DELIVERY", " --since --until --provider --account ", "",
     " --dry-run --json ", "--since"},
    {"doctor", Command::doctor, "", "", "", " --json "},
    {"stats", Command::stats, "", " --company ", "", " --json "},
    {"retry", Command::retry, "MEDIA_ID...",
     " --company --provider --reason --max-age --max-attempts --limit ", "", " --dry-run --json "},
    {"queue", Command::queue, "", "", "", " --watch --json "},
    {"backup", Command::backup, "", " --to --conninfo --keep ", "", " --verify --json "},
    {"restore", Command::restore, "", " --from --snapshot --into --conninfo ", "--from",
     " --dry-run --json "},
    {"fsck", Command::fsck, "", " --store --budget --repair --min-age ", "",
     " --checksum --dry-run --json "},
    {"cleanup", Command::cleanup, "", " --days --company --bucket ", "", " --dry-run --json "},
    {"retention set", Command::retention_set, "", " --days --company --bucket ", "--days"},
    {"retention remove", Command::retention_remove, "", " --company --bucket ", ""},
    {"retention list", Command::retention_list, "", "", "", " --json "},
    {"buckets create", Command::buckets_create, "", " --store --cors-origin ", ""},
    {"buckets check", Command::buckets_check, "", " --store ", ""},
    {"migrate", Command::migrate, "", " --from --to --company --account --concurrency --rate ",
     "--from --to", " --dry-run --verify-only --rollback --json "},
    {"adopt", Command::adopt, "", " --table --columns --root --conninfo --company ",
     "--table --columns --root", " --link --copy --dry-run --json "},
    {"init", Command::init, "", "", ""},
    {"version", Command::version, "", "", ""},
    {"help", Command::help, "", "", ""},
});

std::unexpected<Error> usage(std::string message) {
  return fail(ErrorCode::invalid_argument, std::move(message));
}

const CommandRule* find_rule(std::string_view words) {
  const auto* rule = std::ranges::find(kCommands, words, &CommandRule::words);
  return rule == kCommands.end() ? nullptr : rule;
}

Result<SecretArgument> secret_argument(std::string_view option, const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
    return usage(std::string(option) + " takes NAME=" +
                 (option == "--secret"        ? "VALUE"
                  : option == "--secret-file" ? "PATH"
                                              : "VAR"));
  }
  SecretArgument secret{text.substr(0, equals), SecretArgument::Source::value,
                        text.substr(equals + 1)};
  if (option == "--secret-file") secret.source = SecretArgument::Source::file;
  if (option == "--secret-env") secret.source = SecretArgument::Source::environment;
  return secret;
}

Result<SwitchArgument> switch_argument(const std::string& text) {
  const auto equals = std::min(text.find('='), text.size());
  const std::string_view value = std::string_view(text).substr(std::min(equals + 1, text.size()));
  if (equals == 0 || (value != "on" && value != "off")) {
    return usage("--setting takes NAME=on or NAME=off");
  }
  return SwitchArgument{text.substr(0, equals), value == "on"};
}

// What only `link` takes.
Result<void> set_link_option(CommandLine& line, std::string_view option, const std::string& value) {
  if (option == "--media") {
    const auto id = Uuid::parse(value);
    if (!id) return usage("--media takes the id of a media file");
    line.media = id->to_string();
  }
  if (option == "--method") {
    if (!std::ranges::all_of(value, [](char c) { return c >= 'A' && c <= 'Z'; })) {
      return usage("--method takes an HTTP method like GET");
    }
    line.method = value;
  }
  if (option == "--address") {
    const auto address = canonical_address(value);
    if (!address) return usage("--address takes an IP address");
    line.address = *address;
  }
  return {};
}

// A day, with or without a time, or how long ago.
bool is_moment(const std::string& text) {
  constexpr std::string_view kShape = "dddd-dd-dd";
  if (parse_ttl(text)) return true;
  return text.size() >= kShape.size() &&
         std::ranges::equal(kShape, text.substr(0, kShape.size()), [](char shape, char c) {
           return shape == 'd' ? c >= '0' && c <= '9' : c == shape;
         });
}

// What only `replay` takes.
Result<void> set_replay_option(CommandLine& line, std::string_view option,
                               const std::string& value) {
  if (option == "--account") line.external_id = value;
  if (option != "--since" && option != "--until") return {};
  if (!is_moment(value)) {
    return usage(std::string(option) + " takes a time like 2026-11-21T14:00Z, or 90m or 7d ago");
  }
  (option == "--since" ? line.since : line.until) = value;
  return {};
}

Result<std::int64_t> positive_number(std::string_view option, std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < 1 || number > INT32_MAX) {
    return usage(std::string(option) + " takes a whole number from 1");
  }
  return number;
}

// What only `retry` takes.
Result<void> set_retry_option(CommandLine& line, std::string_view option,
                              const std::string& value) {
  if (option == "--reason") line.reason = value;
  if (option == "--max-age") {
    line.max_age = parse_ttl(value);
    if (!line.max_age) return usage("--max-age takes a duration like 90s, 15m, 1h or 7d");
  }
  if (option == "--max-attempts" || option == "--limit") {
    const auto number = positive_number(option, value);
    if (!number) return std::unexpected(number.error());
    (option == "--limit" ? line.limit : line.max_attempts) = *number;
  }
  return {};
}

// What only `backup` and `restore` take.
Result<void> set_backup_option(CommandLine& line, std::string_view option,
                               const std::string& value) {
  if (option == "--to") line.to = value;
  if (option == "--from") line.from = value;
  if (option == "--into") line.into = value;
  if (option == "--snapshot") line.snapshot = value;
  if (option == "--conninfo") line.conninfo = value;
  if (option != "--keep") return {};
  const auto number = positive_number(option, value);
  if (!number) return std::unexpected(number.error());
  line.keep = *number;
  return {};
}

// "missing,corrupt"
Result<void> add_repairs(CommandLine& line, std::string_view text) {
  constexpr std::array<std::string_view, 4> kRepairs = {"missing", "size", "untracked", "corrupt"};
  while (!text.empty()) {
    const std::string_view kind = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), kind.size() + 1));
    if (std::ranges::find(kRepairs, kind) == kRepairs.end()) {
      return usage("--repair takes missing, size, untracked or corrupt");
    }
    line.repairs.emplace_back(kind);
  }
  return {};
}

// What only `fsck` takes.
Result<void> set_fsck_option(CommandLine& line, std::string_view option, const std::string& value) {
  if (option == "--store") line.store = value;
  if (option == "--repair") return add_repairs(line, value);
  if (option == "--min-age") {
    line.min_age = value == "0" ? std::chrono::seconds(0) : parse_ttl(value);
    if (!line.min_age) return usage("--min-age takes a duration like 90s, 15m, 1h, or 0");
  }
  if (option == "--budget") {
    const auto budget = parse_bytes(value);
    if (!budget) return usage("--budget takes bytes like 500000, 64K, 10M or 1G");
    line.budget = static_cast<std::int64_t>(*budget);
  }
  return {};
}

// What only `cleanup` and `retention` take.
Result<void> set_retention_option(CommandLine& line, std::string_view option,
                                  const std::string& value) {
  constexpr std::int64_t kMaxDays = 36500;
  if (option == "--bucket") line.bucket = value;
  if (option != "--days") return {};
  const bool may_be_forever = line.command == Command::retention_set;
  const auto days = positive_number(option, value);
  if (!(may_be_forever && value == "forever") && (!days || *days > kMaxDays)) {
    return usage(std::string("--days takes a number from 1 to 36500") +
                 (may_be_forever ? ", or forever" : ""));
  }
  line.days = value;
  return {};
}

// What only `migrate` takes.
Result<void> set_migrate_option(CommandLine& line, std::string_view option,
                                const std::string& value) {
  if (option == "--concurrency") {
    const auto number = positive_number(option, value);
    if (!number || *number > kMaxConcurrency) return usage("--concurrency is between 1 and 64");
    line.concurrency = static_cast<std::size_t>(*number);
  }
  if (option == "--rate") {
    const auto rate = parse_bytes(value);
    if (!rate) return usage("--rate takes bytes a second like 500000, 64K, 10M or 1G");
    line.rate = *rate;
  }
  return {};
}

// "id=photo_id,path=file" -> {{"id", "photo_id"}, {"path", "file"}}
Result<std::vector<std::pair<std::string, std::string>>> column_names(std::string_view text) {
  constexpr std::array<std::string_view, 6> kMeanings = {"id",      "path", "mime",
                                                         "company", "name", "created"};
  std::vector<std::pair<std::string, std::string>> columns;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const auto equals = std::min(item.find('='), item.size());
    const std::string_view meaning = item.substr(0, equals);
    if (std::ranges::find(kMeanings, meaning) == kMeanings.end() || equals + 1 >= item.size()) {
      return usage("--columns takes id=COLUMN,path=COLUMN and mime, company, name, created");
    }
    columns.emplace_back(meaning, item.substr(equals + 1));
  }
  return columns;
}

// What only `adopt` takes.
Result<void> set_adopt_option(CommandLine& line, std::string_view option,
                              const std::string& value) {
  if (option == "--table") line.table = value;
  if (option == "--root") line.root = value;
  if (option != "--columns") return {};
  auto columns = column_names(value);
  if (!columns) return std::unexpected(columns.error());
  line.columns = std::move(*columns);
  return {};
}

Result<void> check_adoption(const CommandLine& line) {
  const auto has = [&](std::string_view meaning) {
    return std::ranges::find(line.columns, meaning, [](const auto& one) {
             return std::string_view(one.first);
           }) != line.columns.end();
  };
  if (!has("id") || !has("path")) return usage("--columns needs id=COLUMN and path=COLUMN");
  if (has("company") == !line.company.empty()) {
    return usage("'adopt' needs either company=COLUMN in --columns or --company");
  }
  if (!line.root.starts_with('/')) return usage("--root takes an absolute path");
  if (line.is_linking == line.is_copying) return usage("'adopt' needs either --link or --copy");
  return {};
}

Result<void> set_option(CommandLine& line, std::string_view option, const std::string& value) {
  if (option.starts_with("--secret")) {
    auto secret = secret_argument(option, value);
    if (!secret) return std::unexpected(secret.error());
    line.secrets.push_back(std::move(*secret));
    return {};
  }
  if (option == "--setting") {
    auto setting = switch_argument(value);
    if (!setting) return std::unexpected(setting.error());
    line.switches.push_back(std::move(*setting));
    return {};
  }
  if (option == "--ttl") {
    const auto ttl = parse_ttl(value);
    if (!ttl) return usage("--ttl takes a duration like 90s, 15m, 1h or 7d");
    line.ttl = *ttl;
    return {};
  }
  if (value.empty()) return usage(std::string(option) + " must not be empty");
  if (option == "--config") line.config_path = value;
  if (option == "--company") line.company = value;
  if (option == "--user") line.user = value;
  if (option == "--role") line.role = value;
  if (option == "--provider") line.provider = value;
  if (option == "--external-id") line.external_id = value;
  if (option == "--cors-origin") line.origins.push_back(value);
  if (auto set = set_replay_option(line, option, value); !set) return set;
  if (auto set = set_retry_option(line, option, value); !set) return set;
  if (auto set = set_backup_option(line, option, value); !set) return set;
  if (auto set = set_fsck_option(line, option, value); !set) return set;
  if (auto set = set_retention_option(line, option, value); !set) return set;
  if (auto set = set_migrate_option(line, option, value); !set) return set;
  if (auto set = set_adopt_option(line, option, value); !set) return set;
  return set_link_option(line, option, value);
}

void set_flag(CommandLine& line, std::string_view flag) {
  if (flag == "--json") line.as_json = true;
  if (flag == "--prefix") line.is_prefix = true;
  if (flag == "--dry-run") line.is_dry_run = true;
  if (flag == "--verify") line.is_verifying = true;
  if (flag == "--watch") line.is_watching = true;
  if (flag == "--checksum") line.is_hashing = true;
  if (flag == "--verify-only") line.is_verifying_only = true;
  if (flag == "--rollback") line.is_rolling_back = true;
  if (flag == "--link") line.is_linking = true;
  if (flag == "--copy") line.is_copying = true;
}

bool has_option(const CommandLine& line, std::string_view option) {
  if (option == "--company") return !line.company.empty();
  if (option == "--user") return !line.user.empty();
  if (option == "--provider") return !line.provider.empty();
  if (option == "--media") return !line.media.empty();
  if (option == "--since") return !line.since.empty();
  if (option == "--from") return !line.from.empty();
  if (option == "--days") return !line.days.empty();
  if (option == "--to") return !line.to.empty();
  if (option == "--table") return !line.table.empty();
  if (option == "--columns") return !line.columns.empty();
  if (option == "--root") return !line.root.empty();
  return !line.external_id.empty();
}

// Either the argument or the option in its place, not both.
Result<void> check_argument(const CommandLine& line, const CommandRule& rule) {
  if (rule.argument.empty() || rule.argument.ends_with("...")) return {};
  const bool is_replaced = !rule.instead.empty() && has_option(line, rule.instead);
  if (line.name.empty() != is_replaced) {
    const std::string either = rule.instead.empty() ? "" : " or " + std::string(rule.instead);
    return usage("'" + std::string(rule.words) + "' takes " + std::string(rule.argument) + either);
  }
  if (rule.argument == "MEDIA_ID" && !Uuid::parse(line.name)) {
    return usage("'" + std::string(rule.words) + "' takes the id of a media file");
  }
  if (line.command == Command::replay && !line.name.empty() &&
      !(line.until + line.provider + line.external_id).empty()) {
    return usage("--until, --provider and --account go with --since, not with a DELIVERY");
  }
  if (line.is_prefix && !line.name.ends_with('/')) {
    return usage("--prefix needs a PATH that ends in '/'");
  }
  return {};
}

Result<void> check_complete(const CommandLine& line, const CommandRule& rule) {
  if (auto checked = check_argument(line, rule); !checked) return checked;
  const std::string words(rule.words);
  const bool has_filter = !line.company.empty() || !line.provider.empty() || !line.reason.empty() ||
                          line.max_age || line.max_attempts || line.limit;
  if (!line.names.empty() && has_filter) {
    return usage("'" + words + "' takes either MEDIA_IDs or options that choose some");
  }
  const bool repairs_corrupt = std::ranges::find(line.repairs, "corrupt") != line.repairs.end();
  if (!line.is_hashing && (line.budget || repairs_corrupt)) {
    return usage("--budget and --repair corrupt go with --checksum");
  }
  std::string_view rest = rule.required;
  while (!rest.empty()) {
    const std::string_view option = rest.substr(0, rest.find(' '));
    if (!has_option(line, option)) return usage("'" + words + "' needs " + std::string(option));
    rest.remove_prefix(std::min(rest.size(), option.size() + 1));
  }
  if (line.command == Command::adopt) {
    if (auto checked = check_adoption(line); !checked) return checked;
  }
  if (!line.from.empty() && line.from == line.to) return usage("--from and --to are two stores");
  if (line.is_verifying_only && (line.is_rolling_back || line.is_dry_run)) {
    return usage("--verify-only goes with neither --rollback nor --dry-run: it changes nothing");
  }
  constexpr std::array<std::string_view, 4> kRoles = {"viewer", "agent", "manager", "admin"};
  if (std::ranges::find(kRoles, line.role) == kRoles.end()) {
    return usage("--role is viewer, agent, manager or admin");
  }
  return {};
}

// Reads what follows the command's words.
class OptionReader {
 public:
  OptionReader(const CommandRule& rule, CommandLine& line) : rule_(rule), line_(line) {}

  Result<void> read(const std::vector<std::string>& arguments, std::size_t at) {
    for (; at < arguments.size(); ++at) {
      const std::string& argument = arguments[at];
      if (only_names_ || !argument.starts_with("--")) {
        if (auto taken = take_name(argument); !taken) return taken;
      } else if (argument == "--") {
        only_names_ = true;
      } else if (auto taken = take_option(arguments, at); !taken) {
        return taken;
      }
    }
    return check_complete(line_, rule_);
  }

 private:
  Result<void> take_name(const std::string& argument) {
    if (rule_.argument.ends_with("...")) return take_one_of_many(argument);
    if (rule_.argument.empty() || !line_.name.empty()) {
      return usage("unexpected argument '" + argument + "'");
    }
    if (argument.empty()) return usage(std::string(rule_.argument) + " must not be empty");
    line_.name = argument;
    return {};
  }

  Result<void> take_one_of_many(const std::string& argument) {
    const auto id = Uuid::parse(argument);
    if (!id) return usage("'" + argument + "' is no MEDIA_ID");
    line_.names.push_back(id->to_string());
    return {};
  }

  Result<void> take_option(const std::vector<std::string>& arguments, std::size_t& at) {
    const auto equals = arguments[at].find('=');
    const std::string option = arguments[at].substr(0, equals);
    if (rule_.flags.find(" " + arguments[at] + " ") != std::string_view::npos) {
      set_flag(line_, option);
      return {};
    }
    const bool is_known =
        option == "--config" || rule_.options.find(" " + option + " ") != std::string_view::npos;
    if (!is_known) {
      return usage("'" + std::string(rule_.words) + "' has no option " + option);
    }
    if (equals != std::string::npos) {
      return set_option(line_, option, arguments[at].substr(equals + 1));
    }
    if (++at == arguments.size()) return usage(option + " needs a value");
    return set_option(line_, option, arguments[at]);
  }

  const CommandRule& rule_;
  CommandLine& line_;
  bool only_names_ = false;
};

// A conninfo may have a password.
bool is_of_secret(std::string_view option) {
  return option == "--secret" || option == "--conninfo";
}

}  // namespace

std::vector<std::string> take_arguments(int argc, char** argv) {
  std::vector<std::string> arguments;
  bool is_secret = false;
  bool is_revoking = false;  // what follows may be a token
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument(argv[i]);
    arguments.emplace_back(argument);
    const std::string_view option = argument.substr(0, argument.find('='));
    if (is_secret || (is_revoking && !argument.starts_with("--"))) {
      std::memset(argv[i], 'x', argument.size());
    } else if (is_of_secret(option) && option != argument) {
      std::memset(argv[i] + option.size() + 1, 'x', argument.size() - option.size() - 1);
    }
    is_secret = is_of_secret(arguments.back());
    is_revoking = is_revoking || (i > 1 && arguments[arguments.size() - 2] == "session" &&
                                  arguments.back() == "revoke");
  }
  return arguments;
}

std::optional<std::chrono::seconds> parse_ttl(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number <= 0 || end - unit > 1) return std::nullopt;
  std::int64_t factor = 1;
  if (unit != end) {
    constexpr std::string_view kUnits = "smhd";
    constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86400};
    const auto index = kUnits.find(*unit);
    if (index == std::string_view::npos) return std::nullopt;
    factor = kSeconds[index];
  }
  if (number > kMaxTtlSeconds / factor) return std::nullopt;
  return std::chrono::seconds(number * factor);
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number == 0 || end - unit > 1) return std::nullopt;
  std::size_t shift = 0;
  if (unit != end) {
    const auto index = kUnits.find(*unit);
    if (index == std::string_view::npos) return std::nullopt;
    shift = 10 * (index + 1);
  }
  if (number > (std::uint64_t{INT64_MAX} >> shift)) return std::nullopt;
  return number << shift;
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments,
                                       const std::function<const char*(const char*)>& environment) {
  CommandLine line;
  const char* from_environment = environment("MEDIA_CONFIG");
  line.config_path = from_environment != nullptr && *from_environment != '\0'
                         ? std::string(from_environment)
                         : std::string(kDefaultConfig);
  if (arguments.empty()) return usage("which command?");
  std::string words = arguments[0];
  if (words == "--help" || words == "-h") words = "help";
  if (words == "--version") words = "version";
  std::size_t at = 1;
  const CommandRule* rule = find_rule(words);
  if (rule == nullptr && arguments.size() > 1) {
    rule = find_rule(words + " " + arguments[1]);
    at = 2;
  }
  if (rule == nullptr) return usage("unknown command '" + words + "'");
  line.command = rule->command;
  line.ttl = rule->ttl;
  if (auto read = OptionReader(*rule, line).read(arguments, at); !read) {
    return std::unexpected(read.error());
  }
  return line;
}

}  // namespace media::ops
