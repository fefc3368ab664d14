#include <gtest/gtest.h>

#include "core/encoding.hpp"
#include "indexer/json.hpp"
#include "indexer/providers/host_policy.hpp"
#include "indexer/providers/secrets.hpp"

namespace media::providers {
namespace {

TEST(HostPolicy, entries_match_hosts_ports_and_subdomains) {
  const std::vector<std::string> entries = {"exact.test", "port.test:8443", ".sub.test",
                                            "[::1]:9000"};
  EXPECT_TRUE(matches_host(entries, "exact.test", 443));
  EXPECT_TRUE(matches_host(entries, "exact.test", 8080));
  EXPECT_FALSE(matches_host(entries, "not-exact.test", 443));
  EXPECT_FALSE(matches_host(entries, "exact.test.evil", 443));
  EXPECT_TRUE(matches_host(entries, "port.test", 8443));
  EXPECT_FALSE(matches_host(entries, "port.test", 443));
  EXPECT_TRUE(matches_host(entries, "a.sub.test", 443));
  EXPECT_TRUE(matches_host(entries, "a.b.sub.test", 443));
  EXPECT_FALSE(matches_host(entries, "sub.test", 443));
  EXPECT_FALSE(matches_host(entries, "evilsub.test", 443));
  EXPECT_TRUE(matches_host(entries, "::1", 9000));
  EXPECT_FALSE(matches_host(entries, "::1", 9001));
}

TEST(HostPolicy, no_media_hosts_mean_any_host) {
  EXPECT_TRUE(is_media_host({}, "anything.test", 443));
  const HostPolicy policy{{"media.test"}, {".cdn.test"}};
  EXPECT_TRUE(is_media_host(policy, "media.test", 443));
  EXPECT_FALSE(is_media_host(policy, "a.cdn.test", 443));
  EXPECT_TRUE(is_redirect_host(policy, "a.cdn.test", 443));
  EXPECT_TRUE(is_redirect_host(policy, "media.test", 443));
  EXPECT_FALSE(is_redirect_host(policy, "other.test", 443));
}

const std::string kKey(32, 'k');

std::string sealed_list(const std::string& account) {
  return Json::array()
      .push(Json::object()
                .set("name", "secret")
                .set("sealed", seal_secret(kKey, account, "secret", "value")))
      .dump();
}

TEST(Secrets, come_back_as_they_were_sealed) {
  const auto secrets = unseal_secrets(kKey, "a1", sealed_list("a1"));
  ASSERT_TRUE(secrets);
  EXPECT_EQ(secrets->first("secret"), "value");
  EXPECT_EQ(secrets->first("other"), "");
}

TEST(Secrets, of_another_account_or_key_are_refused) {
  EXPECT_FALSE(unseal_secrets(kKey, "a2", sealed_list("a1")));
  const auto other = unseal_secrets(std::string(32, 'x'), "a1", sealed_list("a1"));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::internal);
  EXPECT_EQ(other.error().message.find("value"), std::string::npos);
}

TEST(Secrets, a_name_may_have_several_values_in_order) {
  Secrets secrets;
  secrets.add("secret", "new");
  secrets.add("secret", "old");
  EXPECT_EQ(secrets.all("secret"), (std::vector<std::string_view>{"new", "old"}));
  EXPECT_EQ(secrets.first("secret"), "new");
}

TEST(ProviderJson, unreadable_escapes_cost_a_character_not_the_document) {
  const auto json = Json::parse(R"({"a":"x\ud83dy\u0000z","b":"\\ud83d","c":"\ud83d\ude00"})");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["a"].text(), "x\uFFFDy\uFFFDz");
  EXPECT_EQ((*json)["b"].text(), "\\ud83d");
  EXPECT_EQ((*json)["c"].text(), "😀");
}

TEST(ProviderJson, huge_numbers_do_not_refuse_the_document) {
  const auto json = Json::parse(R"({"a":99999999999999999999999,"b":5})");
  ASSERT_TRUE(json);
  EXPECT_FALSE((*json)["a"].integer());
  EXPECT_EQ((*json)["b"].integer(), 5);
}

TEST(ProviderJson, duplicate_keys_and_bad_utf8_are_refused) {
  EXPECT_FALSE(Json::parse(R"({"a":1,"a":2})"));
  EXPECT_FALSE(Json::parse("{\"a\":\"\xff\"}"));
  EXPECT_FALSE(Json::parse(R"({"a":1} x)"));
}

TEST(ProviderJson, reads_numbers_from_numbers_and_strings) {
  const auto json =
      Json::parse(R"({"a":"12","b":13,"c":"1x","d":1.5,"e":true,"f":900000000000001})");
  EXPECT_EQ((*json)["a"].integer(), 12);
  EXPECT_EQ((*json)["b"].integer(), 13);
  EXPECT_FALSE((*json)["c"].integer());
  EXPECT_FALSE((*json)["d"].integer());
  EXPECT_TRUE((*json)["e"].is_true());
  EXPECT_EQ((*json)["f"].identifier(), "900000000000001");
}

TEST(ProviderJson, text_that_is_not_utf8_is_still_written) {
  EXPECT_EQ(Json::object().set("a", "x\xff").dump(), R"({"a":"x?"})");
}

}  // namespace
}  // namespace media::providers
