#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "core/jwt.hpp"
#include "indexer/config.hpp"
#include "indexer/ops/account_secrets.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/command_line.hpp"
#include "indexer/ops/link_path.hpp"
#include "indexer/ops/progress_bar.hpp"
#include "indexer/ops/queue_view.hpp"
#include "indexer/ops/session_token.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/providers/registry.hpp"

namespace media::ops {
namespace {

const char* no_environment(const char*) { return nullptr; }

Result<CommandLine> parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments, no_environment);
}

TEST(CommandLine, reads_every_command) {
  using Command = CommandLine::Command;
  EXPECT_EQ(parse({"serve"})->command, Command::serve);
  EXPECT_EQ(parse({"check", "--config", "/x"})->config_path, "/x");
  EXPECT_EQ(parse({"check", "--config=/x"})->config_path, "/x");
  EXPECT_EQ(parse({"company", "add", "Acme & Sons"})->name, "Acme & Sons");
  const auto user = parse({"user", "add", "--company", "Acme", "Ada", "--role", "admin"});
  ASSERT_TRUE(user);
  EXPECT_EQ(user->command, Command::user_add);
  EXPECT_EQ(user->company, "Acme");
  EXPECT_EQ(user->name, "Ada");
  EXPECT_EQ(user->role, "admin");
  const auto token = parse({"token", "--user", "Ada", "--company", "Acme", "--ttl", "7d"});
  ASSERT_TRUE(token);
  EXPECT_EQ(token->ttl, std::chrono::hours(24 * 7));
  EXPECT_EQ(parse({"init"})->command, Command::init);
  EXPECT_EQ(parse({"--version"})->command, Command::version);
  EXPECT_EQ(parse({"--help"})->command, Command::help);
}

TEST(CommandLine, reads_which_downloads_to_retry) {
  const auto chosen = parse({"retry", "--company", "Acme", "--provider=twilio", "--reason", "gone",
                             "--max-age", "7d", "--max-attempts", "5", "--limit=100", "--dry-run"});
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->reason, "gone");
  EXPECT_EQ(chosen->max_age, std::chrono::hours(24 * 7));
  EXPECT_EQ(chosen->max_attempts, 5);
  EXPECT_EQ(chosen->limit, 100);
  EXPECT_TRUE(chosen->is_dry_run);
  const std::string id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  EXPECT_EQ(parse({"retry", id, "--json", id})->names, (std::vector<std::string>{id, id}));
  EXPECT_TRUE(parse({"retry"}));
  EXPECT_TRUE(parse({"queue", "--watch"})->is_watching);
}

TEST(CommandLine, refuses_retries_that_make_no_sense) {
  const std::string id = "0f8fad5b-d9cb-469f-a165-70867728950e";
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"retry", "x"},
                                             {"retry", id, "--company", "Acme"},
                                             {"retry", "--limit", "0"},
                                             {"retry", "--max-attempts", "many"},
                                             {"retry", "--limit", "9999999999"},
                                             {"retry", "--max-age", "old"},
                                             {"retry", "--reason="},
                                             {"queue", id},
                                             {"queue", "--dry-run"}}) {
    EXPECT_FALSE(parse(arguments)) << arguments.back();
  }
}

TEST(CommandLine, reads_the_secrets_of_an_account) {
  const auto line = parse({"account", "add", "--company", "A", "--provider", "whatsapp",
                           "--external-id", "1", "--secret", "app_secret=a=b", "--secret-file",
                           "access_token=/run/token", "--secret-env=verify_token=VAR"});
  ASSERT_TRUE(line);
  ASSERT_EQ(line->secrets.size(), 3u);
  EXPECT_EQ(line->secrets[0].text, "a=b");
  EXPECT_EQ(line->secrets[1].source, SecretArgument::Source::file);
  EXPECT_EQ(line->secrets[2].name, "verify_token");
  EXPECT_EQ(line->secrets[2].source, SecretArgument::Source::environment);
}

TEST(CommandLine, reads_what_an_account_is_changed_to) {
  const auto line = parse({"account", "set", "--provider", "twilio", "--external-id", "AC1",
                           "--secret", "auth_token=new", "--setting", "acknowledge=on",
                           "--setting=delete_after_storage=off"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, CommandLine::Command::account_set);
  EXPECT_EQ(line->secrets.size(), 1u);
  ASSERT_EQ(line->switches.size(), 2u);
  EXPECT_TRUE(line->switches[0].is_on);
  EXPECT_FALSE(line->switches[1].is_on);
  for (const char* setting : {"", "acknowledge", "=on", "acknowledge=yes", "acknowledge="}) {
    EXPECT_FALSE(parse(
        {"account", "set", "--provider", "twilio", "--external-id", "AC1", "--setting", setting}))
        << setting;
  }
  EXPECT_FALSE(parse({"account", "set", "--provider", "twilio"}));
}

TEST(CommandLine, reads_sessions) {
  using Command = CommandLine::Command;
  const auto open = parse({"session", "open", "--user", "Ada", "--company", "Acme"});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->command, Command::session_open);
  EXPECT_EQ(open->ttl, std::chrono::hours(12));
  EXPECT_EQ(parse({"token", "--user", "A", "--company", "B"})->ttl, std::chrono::hours(1));
  EXPECT_EQ(parse({"session", "revoke", "-to.k-en"})->name, "-to.k-en");
  EXPECT_EQ(parse({"session", "revoke", "--user", "Ada"})->user, "Ada");
  EXPECT_TRUE(parse({"session", "list", "--user", "Ada", "--json"})->as_json);
  EXPECT_FALSE(parse({"session", "list", "--json", "--user", "--x"})->name.size());
}

TEST(CommandLine, reads_links) {
  const auto line = parse({"link", "/reports/", "--prefix", "--ttl=2d", "--method", "PUT", "--user",
                           "ada", "--address", "2001:DB8:0:0::1"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, CommandLine::Command::link);
  EXPECT_EQ(line->name, "/reports/");
  EXPECT_TRUE(line->is_prefix);
  EXPECT_EQ(line->ttl, std::chrono::hours(48));
  EXPECT_EQ(line->method, "PUT");
  EXPECT_EQ(line->user, "ada");
  EXPECT_EQ(line->address, "2001:db8::1");
  EXPECT_EQ(parse({"link", "--media", "0190A000-0000-7000-8000-000000000001"})->media,
            "0190a000-0000-7000-8000-000000000001");
}

TEST(CommandLine, reads_what_operators_ask) {
  using Command = CommandLine::Command;
  const auto story = parse({"explain", "wamid.1", "--verify", "--json"});
  ASSERT_TRUE(story);
  EXPECT_EQ(story->command, Command::explain);
  EXPECT_EQ(story->name, "wamid.1");
  EXPECT_TRUE(story->is_verifying && story->as_json);
  EXPECT_TRUE(parse({"replay", "abc", "--dry-run"})->is_dry_run);
  const auto range = parse({"replay", "--since", "2026-11-21T14:00Z", "--until=90m", "--provider",
                            "twilio", "--account", "AC1"});
  ASSERT_TRUE(range);
  EXPECT_EQ(range->since, "2026-11-21T14:00Z");
  EXPECT_EQ(range->until, "90m");
  EXPECT_EQ(range->external_id, "AC1");
  EXPECT_EQ(parse({"doctor", "--json"})->command, Command::doctor);
}

TEST(CommandLine, wrong_usage_is_an_error) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"serv"},
           {"company"},
           {"company", "add"},
           {"company", "add", ""},
           {"company", "add", "A", "B"},
           {"serve", "--verbose"},
           {"serve", "extra"},
           {"user", "add", "Ada"},
           {"user", "add", "--company", "A", "Ada", "--role", "king"},
           {"token", "--user", "Ada"},
           {"token", "--user", "Ada", "--company", "A", "--ttl", "soon"},
           {"check", "--config"},
           {"account", "add", "--company", "A", "--provider", "generic"},
           {"account", "add", "--company", "A", "--provider", "generic", "--external-id", "1",
            "--secret", "nothing"},
           {"account", "add", "--company", "A", "--provider", "generic", "--external-id", "1",
            "--secret", "=x"},
           {"explain"},
           {"explain", "a", "b"},
           {"explain", "a", "--since", "1h"},
           {"replay"},
           {"replay", "a", "--since", "1h"},
           {"replay", "a", "--provider", "twilio"},
           {"replay", "--provider", "twilio"},
           {"replay", "--since", "yesterday"},
           {"replay", "--since", "2026-1-1"},
           {"replay", "--since", "1h", "--until", "'; DROP"},
           {"doctor", "all"},
           {"session"},
           {"session", "open", "--user", "Ada"},
           {"session", "revoke"},
           {"session", "revoke", ""},
           {"session", "revoke", "token", "--user", "Ada"},
           {"session", "revoke", "token", "token"},
           {"session", "list"},
           {"session", "list", "--user", "Ada", "--json=yes"},
           {"link"},
           {"link", "/x", "--media", "0190a000-0000-7000-8000-000000000001"},
           {"link", "--media", "7"},
           {"link", "/x", "--prefix"},
           {"link", "--media", "0190a000-0000-7000-8000-000000000001", "--prefix"},
           {"link", "/x", "--method", "get"},
           {"link", "/x", "--method="},
           {"link", "/x", "--address", "example.com"},
           {"token", "--user", "Ada", "--company", "A", "--json"},
       }) {
    const auto line = parse(arguments);
    ASSERT_FALSE(line) << (arguments.empty() ? "" : arguments[0]);
    EXPECT_EQ(line.error().code, ErrorCode::invalid_argument);
  }
}

TEST(CommandLine, the_configuration_file_is_named_by_option_environment_or_default) {
  EXPECT_EQ(parse({"serve"})->config_path, "/etc/ngx_media/indexer.toml");
  const auto environment = [](const char*) { return "/from/environment"; };
  EXPECT_EQ(parse_command_line({"serve"}, environment)->config_path, "/from/environment");
  EXPECT_EQ(parse_command_line({"serve", "--config", "/x"}, environment)->config_path, "/x");
}

TEST(CommandLine, backups_go_to_a_place_and_come_from_one) {
  const auto backup = parse({"backup", "--to", "/srv/backup", "--keep", "7", "--verify"});
  ASSERT_TRUE(backup);
  EXPECT_EQ(backup->to, "/srv/backup");
  EXPECT_EQ(backup->keep, 7);
  EXPECT_TRUE(backup->is_verifying);
  const auto restore = parse({"restore", "--from", "store:b", "--into=s3", "--dry-run"});
  ASSERT_TRUE(restore);
  EXPECT_EQ(restore->from, "store:b");
  EXPECT_EQ(restore->into, "s3");
  EXPECT_FALSE(parse({"restore"}));
  EXPECT_FALSE(parse({"backup", "--keep", "0"}));
}

TEST(CommandLine, secret_values_do_not_stay_in_argv) {
  std::string words[] = {"media-indexer", "account",           "add",           "--secret",
                         "a=hidden",      "--secret=b=hidden", "--secret-file", "c=/path",
                         "--conninfo",    "password=x"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const auto arguments = take_arguments(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(arguments[3], "a=hidden");
  EXPECT_EQ(arguments[4], "--secret=b=hidden");
  EXPECT_STREQ(argv[4], "xxxxxxxx");
  EXPECT_STREQ(argv[5], "--secret=xxxxxxxx");
  EXPECT_STREQ(argv[7], "c=/path");
  EXPECT_STREQ(argv[9], "xxxxxxxxxx");
}

TEST(CommandLine, a_token_to_be_revoked_does_not_stay_in_argv) {
  std::string words[] = {"media-indexer", "session", "revoke", "tok.en", "--config", "x.toml"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  EXPECT_EQ(take_arguments(static_cast<int>(argv.size()), argv.data())[2], "tok.en");
  EXPECT_STREQ(argv[2], "revoke");
  EXPECT_STREQ(argv[3], "xxxxxx");
  EXPECT_STREQ(argv[4], "--config");
}

TEST(SessionToken, is_256_random_bits_that_look_like_no_option) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = new_session_token();
    const auto bytes = base64_decode(token, Base64Alphabet::url, Base64Padding::none);
    ASSERT_TRUE(bytes);
    EXPECT_EQ(bytes->size(), 32u);
    EXPECT_FALSE(token.starts_with('-'));
    EXPECT_FALSE(is_self_contained(token));
    tokens.insert(token);
  }
  EXPECT_EQ(tokens.size(), 1000u);
}

TEST(SessionToken, the_end_of_a_json_web_token_is_in_its_claims) {
  Identity identity{"u", {"c"}, "agent", 1795250000};
  const std::string token = sign_jwt_hs256(identity, Bytes(32, 'k'), {}, 1795240000);
  EXPECT_TRUE(is_self_contained(token));
  EXPECT_EQ(expiry_of(token).value(), 1795250000);
  EXPECT_EQ(expiry_of("e30.e30.").value(), std::nullopt);          // no exp
  EXPECT_EQ(expiry_of("e30..iv.text.tag").value(), std::nullopt);  // encrypted
  for (const char* text : {"a.b", "a.b.c", "e30.W10.c", "e30.e30.c.d", "..", "."}) {
    EXPECT_FALSE(expiry_of(text)) << text;
  }
}

TEST(LinkPath, is_what_nginx_makes_of_the_url) {
  EXPECT_EQ(link_path("/").value(), "/");
  EXPECT_EQ(link_path("/media/a%20b%2Fc").value(), "/media/a b/c");
  EXPECT_EQ(link_path("/albums/7/").value(), "/albums/7/");
  EXPECT_EQ(link_path("/a/.b/c..").value(), "/a/.b/c..");
  for (const char* path : {"", "media", "//", "/a//b", "/a/./b", "/a/..", "/a/%2e%2e/b", "/a?b",
                           "/a#b", "/a%0ab", "/a%00", "/a%zz", "/a/%2f/b"}) {
    EXPECT_FALSE(link_path(path)) << path;
  }
}

TEST(Ttl, takes_units_and_refuses_the_rest) {
  EXPECT_EQ(parse_ttl("90"), std::chrono::seconds(90));
  EXPECT_EQ(parse_ttl("15m"), std::chrono::minutes(15));
  EXPECT_EQ(parse_ttl("1h"), std::chrono::hours(1));
  for (const char* text : {"", "h", "0", "-1h", "1w", "1hh", "99999999999999999999", "1.5h"}) {
    EXPECT_FALSE(parse_ttl(text)) << text;
  }
}

class AccountSecrets : public testing::Test {
 protected:
  Result<void> check(const std::string& provider, const std::vector<SecretArgument>& arguments) {
    const auto secrets = load_secrets(arguments, [](const char* name) {
      return std::strcmp(name, "TOKEN") == 0 ? "from-environment" : nullptr;
    });
    if (!secrets) return std::unexpected(secrets.error());
    if (auto checked = check_secrets(*registry_.find(provider), arguments, *secrets); !checked) {
      return checked;
    }
    return check_required_secrets(*registry_.find(provider), *secrets);
  }
  static SecretArgument value(const std::string& name, const std::string& text) {
    return {name, SecretArgument::Source::value, text};
  }
  providers::Registry registry_{Config()};
};

TEST_F(AccountSecrets, all_required_ones_make_an_account) {
  EXPECT_TRUE(check("whatsapp", {value("app_secret", "s"),
                                 {"access_token", SecretArgument::Source::environment, "TOKEN"},
                                 value("verify_token", "v")}));
  EXPECT_TRUE(check("generic", {value("secret", "whsec_c2VjcmV0"), value("secret", "c2VjcmV0")}));
}

TEST_F(AccountSecrets, missing_unknown_and_doubled_ones_are_refused_by_name) {
  const auto refused = [&](const std::string& provider,
                           const std::vector<SecretArgument>& arguments, const std::string& name) {
    const auto checked = check(provider, arguments);
    return !checked && checked.error().message.find(name) != std::string::npos;
  };
  EXPECT_TRUE(
      refused("whatsapp", {value("app_secret", "s"), value("verify_token", "v")}, "access_token"));
  EXPECT_TRUE(refused("generic", {value("secret", "c2VjcmV0"), value("token", "x")}, "token"));
  EXPECT_TRUE(refused("generic", {}, "secret"));
  EXPECT_TRUE(refused("whatsapp",
                      {value("app_secret", "s"), value("access_token", "a"),
                       value("access_token", "b"), value("verify_token", "v")},
                      "twice"));
  EXPECT_TRUE(refused("generic", {value("secret", "whsk_c2VjcmV0")}, "whpk_"));
  EXPECT_TRUE(
      refused("generic", {{"secret", SecretArgument::Source::environment, "UNSET"}}, "UNSET"));
  EXPECT_TRUE(refused("generic", {{"secret", SecretArgument::Source::file, "/nonexistent"}},
                      "/nonexistent"));
}

TEST_F(AccountSecrets, of_every_provider_are_checked_for_their_form) {
  const std::string key64(64, 'a');
  EXPECT_TRUE(check("twilio", {value("auth_token", "new"), value("auth_token", "old")}));
  EXPECT_FALSE(check("twilio", {value("auth_token", "with space")}));
  EXPECT_TRUE(check("discord", {value("public_key", key64), value("bot_token", "t")}));
  EXPECT_FALSE(check("discord", {value("public_key", key64.substr(1) + "z")}));
  EXPECT_TRUE(check("openphone", {value("signing_key", "c2VjcmV0"), value("api_key", "k")}));
  EXPECT_FALSE(check("openphone", {value("signing_key", "no base64!")}));
  EXPECT_TRUE(check("quo", {value("secret", "whsec_c2VjcmV0"), value("secret", "whsec_b2xk")}));
  EXPECT_FALSE(check("quo", {value("signing_key", "c2VjcmV0")}));
}

TEST_F(AccountSecrets, settings_are_those_that_the_provider_has) {
  const auto settings = [&](const std::string& provider, const std::string& name) {
    return settings_json(*registry_.find(provider), {{name, true}, {name, false}});
  };
  EXPECT_EQ(settings("twilio", "acknowledge"), R"({"acknowledge":false})");
  EXPECT_EQ(settings_json(*registry_.find("generic"), {}), "{}");
  EXPECT_NE(settings("twilio", "acknowlege").error().message.find("delete_after_storage"),
            std::string::npos);
  EXPECT_NE(settings("generic", "acknowledge").error().message.find("none"), std::string::npos);
}

TEST_F(AccountSecrets, an_unknown_provider_is_told_which_there_are) {
  EXPECT_TRUE(find_provider(registry_, "quo"));
  EXPECT_NE(find_provider(registry_, "telex").error().message.find("discord openphone quo"),
            std::string::npos);
}

TEST_F(AccountSecrets, are_sealed_for_their_account) {
  providers::Secrets secrets;
  secrets.add("secret", "c2VjcmV0");
  secrets.add("secret", "b2xk");
  const std::string key(32, 'k');
  const std::string json = sealed_json(*registry_.find("generic"), secrets, key, "account");
  EXPECT_EQ(providers::unseal_secrets(key, "account", json), secrets);
}

TEST(SchemaVersion, a_wrong_one_says_what_to_do) {
  EXPECT_TRUE(check_schema_version(kSchemaVersion));
  EXPECT_NE(check_schema_version(kSchemaVersion - 1).error().message.find("sqitch deploy"),
            std::string::npos);
  EXPECT_NE(check_schema_version(kSchemaVersion + 1).error().message.find("newer media-indexer"),
            std::string::npos);
}

TEST(ProgressBar, shows_how_far_it_is) {
  EXPECT_EQ(progress_line("retry", 0, 8), "retry [" + std::string(40, ' ') + "] 0/8  0%");
  EXPECT_EQ(progress_line("retry", 2, 8),
            "retry [" + std::string(10, '=') + std::string(30, ' ') + "] 2/8  25%");
  EXPECT_EQ(progress_line("retry", 9, 8), "retry [" + std::string(40, '=') + "] 9/8  100%");
  EXPECT_EQ(progress_line("retry", 0, 0), "retry [" + std::string(40, ' ') + "] 0/0  0%");
}

TEST(TextTable, terminals_see_no_control_characters_and_no_half_ones) {
  EXPECT_EQ(printable("a\x1b[2J\nb\x7f"), "a?[2J?b?");
  EXPECT_EQ(printable("ab\xc3\xbc", 3), "ab");
  EXPECT_EQ(printable("ab\xc3\xbc", 4), "ab\xc3\xbc");
}

TEST(TextTable, durations_are_rough) {
  EXPECT_EQ(rough_duration(-5), "0 s");
  EXPECT_EQ(rough_duration(119), "119 s");
  EXPECT_EQ(rough_duration(120), "2 min");
  EXPECT_EQ(rough_duration(7200), "2 h");
  EXPECT_EQ(rough_duration(200000), "2 d");
}

TEST(QueueView, shows_what_there_is) {
  const auto state = Json::parse(
      R"({"at": 1000, "ready": 3, "running": 1, "waiting": 0, "suspended": 2, "failed": 4,
          "oldest_at": 400, "deadlines": [],
          "companies": [{"company": "Acme", "jobs": 6, "ready": 5, "running": 1, "waiting": 0,
                         "oldest_at": 400}],
          "suspensions": [{"company": "Acme", "provider": "twilio", "external_id": "AC1",
                           "host": "", "reason": "unauthorized", "error": "no", "since": 900,
                           "probe_at": 1030, "jobs": 2}]})");
  ASSERT_TRUE(state);
  EXPECT_EQ(queue_text(*state),
            "ready  running  waiting  suspended  failed  oldest\n"
            "3      1        0        2          4       10 min\n"
            "\n"
            "company  jobs  ready  running  waiting  oldest\n"
            "Acme     6     5      1        0        10 min\n"
            "\n"
            "suspended account  of    since  probe in  jobs  reason\n"
            "twilio AC1         Acme  100 s  30 s      2     unauthorized: no");
}

}  // namespace
}  // namespace media::ops
