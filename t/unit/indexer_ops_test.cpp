#include <cstring>

#include <gtest/gtest.h>

#include "indexer/config.hpp"
#include "indexer/ops/account_secrets.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/command_line.hpp"
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

TEST(CommandLine, secret_values_do_not_stay_in_argv) {
  std::string words[] = {"media-indexer", "account",           "add",           "--secret",
                         "a=hidden",      "--secret=b=hidden", "--secret-file", "c=/path"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const auto arguments = take_arguments(static_cast<int>(argv.size()), argv.data());
  EXPECT_EQ(arguments[3], "a=hidden");
  EXPECT_EQ(arguments[4], "--secret=b=hidden");
  EXPECT_STREQ(argv[4], "xxxxxxxx");
  EXPECT_STREQ(argv[5], "--secret=xxxxxxxx");
  EXPECT_STREQ(argv[7], "c=/path");
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
    return check_secrets(*registry_.find(provider), arguments, *secrets);
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

}  // namespace
}  // namespace media::ops
