// What holds for every provider.
#include <set>

#include <gtest/gtest.h>

#include "indexer/providers/registry.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

class EveryProvider : public testing::Test {
 protected:
  Registry registry_{Config()};
};

TEST_F(EveryProvider, is_found_by_its_name) {
  std::set<std::string_view> names;
  for (const Registration& entry : registrations()) {
    ASSERT_NE(registry_.find(entry.name), nullptr) << entry.name;
    EXPECT_EQ(registry_.find(entry.name)->name(), entry.name);
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  }
  EXPECT_EQ(names, (std::set<std::string_view>{"discord", "generic", "openphone", "quo", "twilio",
                                               "whatsapp"}));
  EXPECT_EQ(registry_.find("telex"), nullptr);
}

TEST_F(EveryProvider, talks_to_its_api_over_tls_and_names_who_sees_a_credential) {
  for (const Registration& entry : registrations()) {
    const auto& url = entry.defaults.api_url;
    EXPECT_TRUE(url.empty() || url.starts_with("https://")) << entry.name;
    EXPECT_TRUE(!entry.sends_credential || !entry.defaults.media_hosts.empty()) << entry.name;
  }
}

TEST_F(EveryProvider, sends_a_credential_only_when_it_says_so) {
  Account account;
  for (const char* name : {"access_token", "auth_token", "bot_token", "api_key", "secret"}) {
    account.secrets.add(name, "TOKEN");
  }
  for (const Registration& entry : registrations()) {
    const std::string credential = registry_.find(entry.name)->media_authorization(account);
    EXPECT_EQ(!credential.empty(), entry.sends_credential) << entry.name;
  }
}

TEST_F(EveryProvider, refuses_unsigned_requests_and_accounts_without_secrets) {
  for (const auto& provider : registry_.all()) {
    for (const char* body : {"", "{}", "a=b"}) {
      const auto verified = provider->verify(test::webhook_request(body), Secrets(), 1795250000);
      ASSERT_FALSE(verified) << provider->name();
      EXPECT_EQ(verified.error().code, ErrorCode::unauthorized) << provider->name();
    }
  }
}

TEST_F(EveryProvider, survives_any_body) {
  std::vector<std::string> bodies = {"",
                                     std::string(1, '\0'),
                                     "\xff\xfe",
                                     "{",
                                     "[[[[",
                                     "%",
                                     "&&=",
                                     std::string(100000, '['),
                                     std::string(5000, '&'),
                                     R"({"a":1,"a":2})",
                                     R"({"type":{},"data":[]})"};
  const Json vectors = test::provider_fixture_json("vectors.json");
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    bodies.push_back(test::provider_fixture(std::string(vectors[i]["body_file"].text())));
  }
  for (const auto& provider : registry_.all()) {
    for (const std::string& body : bodies) {
      http::Request request = test::webhook_request(body);
      request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
      const auto delivery = provider->parse(request, Account(), 1795250000);
      if (!delivery) {
        EXPECT_EQ(delivery.error().code, ErrorCode::invalid_argument) << provider->name();
        continue;
      }
      for (const auto& message : delivery->messages) {
        EXPECT_FALSE(message.external_id.empty()) << provider->name();
        EXPECT_FALSE(message.conversation.empty()) << provider->name();
        EXPECT_LE(message.media.size(), kMaxMediaPerMessage) << provider->name();
      }
    }
  }
}

TEST_F(EveryProvider, has_rules_that_explain_themselves) {
  for (const auto& provider : registry_.all()) {
    EXPECT_FALSE(provider->secret_rules().empty()) << provider->name();
    for (const auto& rule : provider->secret_rules()) {
      EXPECT_FALSE(rule.purpose.empty()) << rule.name;
      EXPECT_FALSE(provider->check_secret(rule.name, "")) << provider->name() << rule.name;
    }
    for (const auto& rule : provider->switch_rules()) EXPECT_FALSE(rule.purpose.empty());
  }
}

}  // namespace
}  // namespace media::providers
