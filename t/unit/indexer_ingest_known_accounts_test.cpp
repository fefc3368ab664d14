#include "indexer/ingest/known_accounts.hpp"

#include <gtest/gtest.h>

#include "indexer/providers/secrets.hpp"

namespace media::ingest {
namespace {

const std::string kKey(32, 'k');

std::vector<providers::SealedAccount> accounts() {
  const std::string sealed = providers::seal_secret(kKey, "a1", "app_secret", "very secret");
  return {{"a1", "c1", "whatsapp", "109876543210987", R"({"acknowledge": true})",
           R"([{"name": "app_secret", "sealed": ")" + sealed + "\"}]"},
          {"a2", "c1", "generic", "hook \"ü\"\n", "{}", "[]"}};
}

TEST(KnownAccounts, come_back_as_they_were) {
  const auto known = accounts();
  const std::string file = encode_accounts(kKey, known);
  EXPECT_EQ(decode_accounts(kKey, file).value(), known);
  EXPECT_EQ(file.find("very secret"), std::string::npos);
  const auto opened = providers::unseal_secrets(kKey, "a1", known[0].secrets);
  EXPECT_EQ(opened->first("app_secret"), "very secret");
  EXPECT_TRUE(decode_accounts(kKey, encode_accounts(kKey, {}))->empty());
}

TEST(KnownAccounts, every_changed_byte_and_every_cut_is_noticed) {
  const std::string file = encode_accounts(kKey, accounts());
  for (std::size_t at = 0; at < file.size(); ++at) {
    std::string changed = file;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(decode_accounts(kKey, changed)) << at;
    EXPECT_FALSE(decode_accounts(kKey, file.substr(0, at))) << at;
  }
  EXPECT_FALSE(decode_accounts(kKey, file + " "));
}

TEST(KnownAccounts, of_another_key_are_not_believed) {
  const auto decoded = decode_accounts(std::string(32, 'K'), encode_accounts(kKey, accounts()));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::hash_mismatch);
  EXPECT_NE(decoded.error().message.find("another [secrets] key_file"), std::string::npos);
}

}  // namespace
}  // namespace media::ingest
