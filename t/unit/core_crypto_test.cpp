#include "core/crypto.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

TEST(Crypto, sha256_agrees_with_fips_180_4) {
  EXPECT_EQ(hex_encode(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Crypto, sha256_of_chunks_is_that_of_the_whole_and_starts_afresh) {
  Sha256 hash;
  hash.update(as_bytes("a"));
  hash.update(as_bytes("bc"));
  EXPECT_EQ(hash.finish(), sha256(as_bytes("abc")));
  EXPECT_EQ(hash.finish(), sha256({}));
}

TEST(Crypto, hmac_agrees_with_rfc_4231) {
  EXPECT_EQ(hex_encode(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_encode(hmac_sha256(Bytes(131, 0xAA), as_bytes("Test Using Larger Than Block-Size "
                                                              "Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Crypto, hmac_with_sha1_agrees_with_rfc_2202) {
  EXPECT_EQ(hex_encode(hmac_sha1(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(
      hex_encode(hmac_sha1(Bytes(80, 0xAA), as_bytes("Test Using Larger Than Block-Size Key - "
                                                     "Hash Key First"))),
      "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

TEST(Crypto, hmac_is_the_same_whatever_key_came_before) {
  const auto expected = hmac_sha256(as_bytes("Jefe"), as_bytes("first"));
  EXPECT_NE(hmac_sha256(as_bytes("Jefe"), as_bytes("second")), expected);
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("first")), expected);
  EXPECT_NE(hmac_sha256(as_bytes("Jeff"), as_bytes("first")), expected);
  EXPECT_EQ(hmac_sha256(as_bytes("Jefe"), as_bytes("first")), expected);
}

TEST(Crypto, hmac_with_an_empty_key_does_not_reuse_the_last_one) {
  hmac_sha256(as_bytes("Jefe"), as_bytes("x"));
  EXPECT_EQ(hex_encode(hmac_sha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Crypto, comparison_needs_equal_length_and_bytes) {
  EXPECT_TRUE(equal_in_constant_time(as_bytes("abc"), as_bytes("abc")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abd")));
  EXPECT_FALSE(equal_in_constant_time(as_bytes("abc"), as_bytes("abcd")));
  EXPECT_TRUE(equal_in_constant_time({}, {}));
}

TEST(Crypto, ed25519_agrees_with_rfc_8032_test_1) {
  const auto key = *hex_decode("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto signature = *hex_decode(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
      "b46bd25bf5f0595bbe24655141438e7a100b");
  EXPECT_TRUE(verify_ed25519(key, {}, signature));
  EXPECT_FALSE(verify_ed25519(key, as_bytes("x"), signature));
  EXPECT_FALSE(verify_ed25519(as_bytes("short"), {}, signature));
}

TEST(Crypto, a_sealed_secret_opens_only_with_its_key_and_in_its_place) {
  const Bytes key(32, 7);
  Bytes sealed = seal(key, as_bytes("secret"), as_bytes("account/name"));
  EXPECT_EQ(as_text(*unseal(key, sealed, as_bytes("account/name"))), "secret");
  EXPECT_FALSE(unseal(key, sealed, as_bytes("other/name")));
  EXPECT_FALSE(unseal(Bytes(32, 8), sealed, as_bytes("account/name")));
  sealed.back() ^= 1;
  EXPECT_FALSE(unseal(key, sealed, as_bytes("account/name")));
  EXPECT_FALSE(unseal(key, as_bytes("short"), as_bytes("account/name")));
}

TEST(Crypto, sealing_twice_gives_different_bytes) {
  const Bytes key(32, 7);
  EXPECT_NE(seal(key, as_bytes("secret"), {}), seal(key, as_bytes("secret"), {}));
}

}  // namespace
}  // namespace media
