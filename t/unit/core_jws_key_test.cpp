#include "core/jws_key.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/json_object.hpp"
#include "core/jwt.hpp"

namespace media {
namespace {

constexpr std::int64_t kNow = 1795250000;

/// One algorithm's key and token, made by PyJWT (t/fixtures/jwt/make.py).
struct Sample {
  std::string algorithm;
  std::string token;
  std::string jwk;
  std::string pem;  // empty for secrets
};

std::vector<Sample> samples() {
  std::ifstream file(std::string(MEDIA_FIXTURES) + "/jwt/algorithms.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Json root(json_loadb(text.data(), text.size(), 0, nullptr));
  std::vector<Sample> all;
  for (std::size_t i = 0; i < json_array_size(root.get()); ++i) {
    const json_t* const entry = json_array_get(root.get(), i);
    const std::unique_ptr<char, decltype(&free)> jwk(json_dumps(json_object_get(entry, "jwk"), 0),
                                                     &free);
    all.push_back({std::string(string_member(entry, "alg").value()),
                   std::string(string_member(entry, "token").value()), jwk.get(),
                   std::string(string_member(entry, "pem").value_or(""))});
  }
  return all;
}

bool accepts(const JwsKeySet& keys, const std::string& token) {
  return verify_jwt(token, keys, {}, kNow).has_value();
}

TEST(JwsKey, tokens_of_every_algorithm_verify_with_their_jwk_only) {
  const auto all = samples();
  ASSERT_EQ(all.size(), 13u);
  for (const Sample& key : all) {
    const auto keys = parse_jwks(key.jwk);
    ASSERT_TRUE(keys) << key.algorithm << keys.error().message;
    for (const Sample& token : all) {
      EXPECT_EQ(accepts(*keys, token.token), key.algorithm == token.algorithm)
          << key.algorithm << " key, " << token.algorithm << " token";
    }
  }
}

TEST(JwsKey, a_pem_key_verifies_what_its_type_can) {
  for (const Sample& sample : samples()) {
    if (sample.pem.empty()) continue;
    const auto key = JwsKey::from_pem(sample.pem);
    ASSERT_TRUE(key) << sample.algorithm;
    EXPECT_TRUE(accepts({*key}, sample.token)) << sample.algorithm;
  }
}

TEST(JwsKey, a_set_picks_the_key_by_its_id) {
  std::string set = "{\"keys\":[";
  for (const Sample& sample : samples()) set += sample.jwk + ',';
  set +=
      R"({"kty":"future","kid":"x"},{"kty":"RSA","use":"enc"},{"kty":"RSA","key_ops":["sign"]}]})";
  const auto keys = parse_jwks(set);
  ASSERT_TRUE(keys) << keys.error().message;
  EXPECT_EQ(keys->size(), 13u);
  for (const Sample& sample : samples()) EXPECT_TRUE(accepts(*keys, sample.token));
}

TEST(JwsKey, any_changed_byte_of_a_token_is_noticed) {
  for (const Sample& sample : samples()) {
    const auto keys = parse_jwks(sample.jwk);
    for (std::size_t i = 0; i < sample.token.size(); i += 7) {
      std::string token = sample.token;
      token[i] = token[i] == 'A' ? 'B' : 'A';
      EXPECT_FALSE(accepts(*keys, token)) << sample.algorithm << " at " << i;
    }
  }
}

TEST(JwsKey, a_public_key_is_never_an_hmac_secret) {
  const auto rsa = samples()[3];
  ASSERT_EQ(rsa.algorithm, "RS256");
  const auto key = JwsKey::from_pem(rsa.pem);
  Identity identity{"u", {"c"}, "", kNow + 60};
  EXPECT_FALSE(accepts({*key}, sign_jwt_hs256(identity, as_bytes(rsa.pem), {}, kNow)));
  EXPECT_FALSE(JwsKey::from_pem(rsa.pem, {JwsAlgorithm::hs256}));
  EXPECT_FALSE(JwsKey::from_secret(as_bytes(rsa.pem), {JwsAlgorithm::rs256}));
}

TEST(JwsKey, pinning_narrows_what_a_key_is_taken_for) {
  const auto rsa = samples()[3];
  const auto key = JwsKey::from_pem(rsa.pem, {JwsAlgorithm::ps256});
  ASSERT_TRUE(key);
  EXPECT_FALSE(accepts({*key}, rsa.token));
}

TEST(JwsKey, weak_or_unusable_keys_are_refused) {
  EXPECT_FALSE(JwsKey::from_secret(Bytes(31), {JwsAlgorithm::hs256}));
  EXPECT_FALSE(JwsKey::from_secret(Bytes(32), {JwsAlgorithm::hs512}));
  EXPECT_FALSE(JwsKey::from_secret(Bytes(64), {}));
  EXPECT_FALSE(JwsKey::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  EXPECT_FALSE(JwsKey::from_pem(""));
}

TEST(JwsKey, broken_key_sets_say_what_is_wrong) {
  const std::pair<std::string, std::string> table[] = {
      {"", "JWK set is not a JSON object"},
      {"[]", "JWK set is not a JSON object"},
      {R"({"keys":{}})", "\"keys\" of the JWK set is not an array"},
      {R"({"keys":[]})", "JWK set has no usable key"},
      {R"({"keys":[1,null,{}]})", "JWK set has no usable key"},
      {R"({"keys":[{"kty":"oct","k":"AAAA"}]})",
       "key 1 of the JWK set: a secret needs an algorithm"},
      {R"({"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]})",
       "key 1 of the JWK set: RSA key is shorter than 2048 bits"},
      {R"({"keys":[{"kty":"RSA","n":"!","e":"AQAB"}]})",
       "key 1 of the JWK set: members of the key are missing or broken"},
      {R"({"keys":[{"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"}]})",
       "key 1 of the JWK set: members of the key are missing or broken"},
      {R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"AQAB"}]})",
       "key 1 of the JWK set: members of the key are missing or broken"},
      {std::string(kMaxJwksSize + 1, ' '), "JWK set is too large"},
  };
  for (const auto& [text, message] : table) {
    const auto keys = parse_jwks(text);
    ASSERT_FALSE(keys) << text.substr(0, 80);
    EXPECT_EQ(keys.error().message, message);
  }
}

TEST(JwsKey, a_point_off_the_curve_is_refused) {
  const std::string zero(43, 'A');
  EXPECT_FALSE(
      parse_jwks(R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + "\"}"));
}

}  // namespace
}  // namespace media
