#include "indexer/config.hpp"

#include <algorithm>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "indexer_fixture.hpp"

namespace media {
namespace {

const std::string kMinimal = R"([database]
conninfo = "dbname=media"
[auth]
jwt_key_file = "/k/jwt"
[secrets]
key_file = "/k/seal"
[storage.local]
root = "/srv/media"
)";

std::string problems(const std::string& text) {
  const auto config = parse_config(text, "indexer.toml");
  return config ? "" : config.error().message;
}

TEST(Config, the_minimal_file_gets_the_documented_defaults) {
  const auto config = parse_config(kMinimal, "indexer.toml");
  ASSERT_TRUE(config) << problems(kMinimal);
  EXPECT_EQ(config->server.listen, "unix:/run/ngx_media/indexer.sock");
  EXPECT_EQ(config->server.socket_mode, 0660u);
  EXPECT_EQ(config->server.max_body_bytes, 4194304u);
  EXPECT_EQ(config->server.stop_grace.count(), 20);
  EXPECT_EQ(config->server.webhook_rate, 200u);
  EXPECT_EQ(config->server.webhook_burst, 1000u);
  EXPECT_EQ(config->database.connections, 4u);
  EXPECT_EQ(config->auth.audience, "ngx_media");
  EXPECT_EQ(config->spool.directory, "/var/spool/ngx_media");
  EXPECT_EQ(config->spool.max_bytes, 1073741824u);
  EXPECT_EQ(config->spool.max_files, 100000u);
  EXPECT_EQ(config->fetch.concurrency, 16u);
  EXPECT_EQ(config->fetch.concurrency_per_company, 12u);
  EXPECT_EQ(config->fetch.concurrency_per_host, 12u);
  EXPECT_EQ(config->fetch.max_attempts, 30);
  EXPECT_EQ(config->fetch.lease.count(), 60);
  EXPECT_FALSE(config->fetch.allow_private_addresses);
  EXPECT_TRUE(config->fetch.user_agent.starts_with("ngx_media/"));
  EXPECT_EQ(config->providers.at("whatsapp").api_url, "https://graph.facebook.com/v24.0");
  EXPECT_TRUE(config->providers.at("generic").media_hosts.empty());
}

TEST(Config, a_scanner_is_named_by_its_address) {
  const auto config = parse_config(kMinimal, "indexer.toml");
  EXPECT_EQ(config->scan.clamd, "");
  EXPECT_FALSE(config->scan.accept_on_error);
  EXPECT_EQ(config->scan.max_bytes, 104857600u);
  EXPECT_EQ(config->quarantine.max_age.count(), 30);
  EXPECT_EQ(config->quarantine.max_bytes, 10737418240u);
  for (const char* address :
       {"unix:/run/clamav/clamd.ctl", "tcp:127.0.0.1:3310", "tcp:[::1]:3310"}) {
    EXPECT_EQ(problems(kMinimal + "[scan]\nclamd = \"" + address + "\"\n"), "") << address;
  }
  for (const char* address :
       {"/run/clamd", "unix:", "unix:run", "tcp:host", "tcp::1", "host:3310"}) {
    EXPECT_NE(problems(kMinimal + "[scan]\nclamd = \"" + address + "\"\n").find("scan.clamd"),
              std::string::npos)
        << address;
  }
  EXPECT_NE(problems(kMinimal + "[scan]\non_error = \"ignore\"\n").find("scan.on_error"),
            std::string::npos);
}

TEST(Config, what_is_missing_is_named) {
  const std::string text = problems("");
  for (const char* setting : {"conninfo", "jwt_key_file", "key_file", "root"}) {
    EXPECT_NE(text.find(setting), std::string::npos) << setting;
  }
}

TEST(Config, unknown_settings_are_errors_with_their_place) {
  EXPECT_NE(problems(kMinimal + "[fetch]\nconcurency = 4\n")
                .find("indexer.toml:10:1: unknown setting fetch.concurency"),
            std::string::npos)
      << problems(kMinimal + "[fetch]\nconcurency = 4\n");
  EXPECT_NE(problems(kMinimal + "[fetsh]\n").find("unknown setting fetsh"), std::string::npos);
  EXPECT_NE(problems(kMinimal + "[providers.twillio]\n").find("providers.twillio"),
            std::string::npos);
}

TEST(Config, wrong_types_and_values_are_errors_with_their_place) {
  const auto problem = [](const std::string& line) { return problems(kMinimal + line); };
  EXPECT_NE(
      problem("[fetch]\nconcurrency = \"4\"").find(":10:15: fetch.concurrency must be a whole"),
      std::string::npos);
  EXPECT_NE(problem("[fetch]\nconcurrency = 0").find("must be 1 to 4096"), std::string::npos);
  EXPECT_NE(problem("[fetch]\nallow_plain_http = 1").find("true or false"), std::string::npos);
  EXPECT_NE(problem("[spool]\ndirectory = \"spool\"").find("absolute"), std::string::npos);
  EXPECT_NE(problem("[spool]\nmax_files = 0").find("must be 1 to"), std::string::npos);
  EXPECT_NE(problem("[spool]\nmax_bytes = 2000000").find("server.max_body_bytes"),
            std::string::npos);
  EXPECT_NE(problem("[server]\nsocket_mode = \"9\"").find("octal"), std::string::npos);
  EXPECT_NE(problem("[server]\nlisten = \"9100\"").find("unix:/path"), std::string::npos);
  EXPECT_NE(problem("[server]\npublic_url = \"media.example\"").find("https://"),
            std::string::npos);
  EXPECT_NE(problem("[log]\nlevel = \"loud\"").find("debug, info"), std::string::npos);
  EXPECT_NE(problems("server = 1\n" + kMinimal).find("section [server]"), std::string::npos);
  EXPECT_NE(problem("[fetch]\nconcurrency = 4\nconcurrency_per_host = 5").find("more than"),
            std::string::npos);
  EXPECT_NE(problem("[fetch]\nretry_base_ms = 1000\nretry_max_ms = 10").find("retry_max_ms"),
            std::string::npos);
  EXPECT_NE(problem("[fetch]\nuser_agent = \"a\\nb\"").find("user_agent"), std::string::npos);
}

TEST(Config, several_problems_are_reported_at_once) {
  const std::string text = problems(kMinimal + "[fetch]\nworkers = 0\nx = 1\n[log]\nlevel = 7\n");
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
}

TEST(Config, broken_toml_says_where) {
  EXPECT_TRUE(problems("[server\n").starts_with("indexer.toml:1:"));
}

TEST(Config, lists_are_arrays_or_comma_separated) {
  const auto hosts = [](const std::string& value) {
    return parse_config(kMinimal + "[providers.generic]\nmedia_hosts = " + value, "x")
        .value()
        .providers.at("generic")
        .media_hosts;
  };
  const std::vector<std::string> expected = {"a.test", ".b.test:8443"};
  EXPECT_EQ(hosts(R"(["a.test", ".b.test:8443"])"), expected);
  EXPECT_EQ(hosts(R"("a.test, .b.test:8443")"), expected);
  EXPECT_TRUE(hosts("\"\"").empty());
  EXPECT_TRUE(hosts("[]").empty());
  EXPECT_NE(problems(kMinimal + "[providers.generic]\nmedia_hosts = \"a,,b\"").find("empty entry"),
            std::string::npos);
  EXPECT_NE(problems(kMinimal + "[providers.generic]\nmedia_hosts = [1]").find("array"),
            std::string::npos);
}

TEST(Config, test_switches_are_refused_on_a_public_address) {
  const auto with = [](const std::string& listen) {
    return problems(kMinimal + "[server]\nlisten = \"" + listen +
                    "\"\n[fetch]\nallow_private_addresses = true\nallow_plain_http = true\n");
  };
  EXPECT_EQ(with("unix:/tmp/x.sock"), "");
  EXPECT_EQ(with("127.0.0.1:9100"), "");
  EXPECT_EQ(with("[::1]:9100"), "");
  EXPECT_EQ(with("localhost:9100"), "");
  EXPECT_NE(with("0.0.0.0:9100").find("allow_private_addresses"), std::string::npos);
  EXPECT_NE(with("10.0.0.1:9100").find("allow_plain_http"), std::string::npos);
}

TEST(Config, the_graph_url_gets_a_version_and_must_be_https) {
  const auto graph = [](const std::string& url, const std::string& more = "") {
    return parse_config(kMinimal + "[providers.whatsapp]\ngraph_url = \"" + url + "\"\n" + more,
                        "x");
  };
  EXPECT_EQ(graph("https://graph.test")->providers.at("whatsapp").api_url,
            "https://graph.test/v24.0");
  EXPECT_EQ(graph("https://graph.test/")->providers.at("whatsapp").api_url,
            "https://graph.test/v24.0");
  EXPECT_EQ(graph("https://graph.test/v25.0/")->providers.at("whatsapp").api_url,
            "https://graph.test/v25.0");
  EXPECT_FALSE(graph("http://graph.test"));
  EXPECT_EQ(graph("http://127.0.0.1:9", "[fetch]\nallow_plain_http = true\n")
                ->providers.at("whatsapp")
                .api_url,
            "http://127.0.0.1:9/v24.0");
  EXPECT_FALSE(graph("https://user@graph.test"));
  EXPECT_FALSE(graph("graph.test"));
}

TEST(Config, every_provider_has_its_section) {
  const auto config = parse_config(
      kMinimal +
          "[providers.twilio]\napi_url = \"https://a.test/\"\nmedia_hosts = \"a.test\"\n"
          "redirect_hosts = \"b.test\"\n[providers.discord]\napi_url = \"https://d.test\"\n"
          "[providers.openphone]\ntolerance_seconds = 60\n[providers.quo]\n",
      "x");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->providers.at("twilio").api_url, "https://a.test");
  EXPECT_EQ(config->providers.at("twilio").redirect_hosts, std::vector<std::string>{"b.test"});
  EXPECT_EQ(config->providers.at("discord").api_url, "https://d.test/api/v10");
  EXPECT_EQ(config->providers.at("openphone").tolerance.count(), 60);
  EXPECT_EQ(config->providers.at("quo").tolerance.count(), 300);
  EXPECT_NE(problems(kMinimal + "[providers.twilio]\nmedia_hosts = []\n").find("credential"),
            std::string::npos);
  EXPECT_NE(problems(kMinimal + "[providers.twilio]\ntolerance_seconds = 1\n").find("unknown"),
            std::string::npos);
  EXPECT_NE(problems(kMinimal + "[providers.generic]\napi_url = \"https://x\"\n").find("unknown"),
            std::string::npos);
}

TEST(Config, whatsapp_needs_hosts_for_its_token) {
  EXPECT_NE(problems(kMinimal + "[providers.whatsapp]\nmedia_hosts = []\n").find("credential"),
            std::string::npos);
}

TEST(Config, link_keys_have_an_id_and_a_file) {
  const auto config = parse_config(
      kMinimal +
          "[links]\nkeys = [{ id = \"b_2\", file = \"/k/b\" }, { id = \"a-1\", file = \"/k/a\" }]",
      "indexer.toml");
  ASSERT_TRUE(config);
  ASSERT_EQ(config->links.keys.size(), 2u);
  EXPECT_EQ(config->links.keys[0].id, "b_2");
  EXPECT_EQ(config->links.keys[1].file, "/k/a");
  const auto problem = [](const std::string& keys) {
    return problems(kMinimal + "[links]\nkeys = " + keys);
  };
  EXPECT_EQ(problem("[]"), "");
  EXPECT_NE(problem("\"/k/a\"").find(":10:8: links.keys must be an array"), std::string::npos);
  EXPECT_NE(problem("[\"/k/a\"]").find("must be an array of tables"), std::string::npos);
  EXPECT_NE(problem("[{ id = \"a\" }]").find("[links.keys[0]] needs file"), std::string::npos);
  EXPECT_NE(problem("[{ file = \"a\" }]").find("[links.keys[0]] needs id"), std::string::npos);
  EXPECT_NE(problem("[{ id = \"a\", file = \"/k\", key = \"x\" }]").find("unknown setting"),
            std::string::npos);
  EXPECT_NE(problem("[{ id = \"a b\", file = \"/k\" }]").find("must be 1 to 32"),
            std::string::npos);
  EXPECT_NE(
      problem("[{ id = \"" + std::string(33, 'a') + "\", file = \"/k\" }]").find("must be 1 to 32"),
      std::string::npos);
  EXPECT_NE(problem("[{ id = \"a\", file = \"/k\" }, { id = \"a\", file = \"/l\" }]")
                .find("links.keys[1].id is the id of another key"),
            std::string::npos);
}

TEST(Config, a_missing_file_says_how_to_name_it) {
  const auto config = load_config("/nonexistent/indexer.toml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("--config"), std::string::npos);
}

TEST(Config, the_documented_example_is_valid) {
  const auto config = load_config(std::string(MEDIA_FIXTURES) + "/../../conf/indexer.toml");
  EXPECT_TRUE(config) << config.error().message;
}

class KeyFile : public testing::Test {
 protected:
  std::string write(const std::string& text, mode_t mode) {
    const std::string path = directory_ / "key";
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  test::TemporaryDirectory directory_;
};

TEST_F(KeyFile, is_read_without_trailing_white_space) {
  EXPECT_EQ(read_key_file(write("secret text \r\n", 0600)), "secret text");
  EXPECT_EQ(read_key_file(write("secret", 0640)), "secret");
}

TEST_F(KeyFile, is_refused_when_everybody_may_read_it) {
  const auto key = read_key_file(write("secret", 0644));
  ASSERT_FALSE(key);
  EXPECT_NE(key.error().message.find("chmod"), std::string::npos);
}

TEST_F(KeyFile, is_refused_when_empty_or_missing) {
  EXPECT_FALSE(read_key_file(write("\n", 0600)));
  EXPECT_FALSE(read_key_file(directory_ / "absent"));
}

TEST_F(KeyFile, of_sealing_holds_64_digits) {
  EXPECT_EQ(read_sealing_key(write(std::string(64, 'a') + "\n", 0600)), std::string(32, '\xaa'));
  EXPECT_FALSE(read_sealing_key(write(std::string(63, 'a'), 0600)));
  EXPECT_FALSE(read_sealing_key(write(std::string(64, 'x'), 0600)));
}

TEST_F(KeyFile, of_links_holds_32_bytes) {
  const LinkKeyFile file{"a", write(std::string(32, 'k') + "\n", 0600)};
  const auto key = read_link_key(file);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->id, "a");
  EXPECT_EQ(key->secret, Bytes(32, 'k'));
  EXPECT_EQ(read_link_keys({{file, file}})->size(), 2u);
  write(std::string(31, 'k') + "\n", 0600);
  EXPECT_FALSE(read_link_key(file));
  EXPECT_FALSE(read_link_keys({{file}}));
}

}  // namespace
}  // namespace media
