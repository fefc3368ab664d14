#include "core/jwt.hpp"

#include <gtest/gtest.h>

#include "core/crypto.hpp"

namespace media {
namespace {

constexpr std::int64_t kNow = 1795250000;
constexpr std::string_view kKeyText = "0123456789abcdef0123456789abcdef";

ByteView key() { return as_bytes(kKeyText); }

JwtPolicy policy() {
  JwtPolicy policy;
  policy.audience = "ngx_media";
  return policy;
}

std::string token_of(std::string_view header, std::string_view payload,
                     std::string_view key_text = kKeyText) {
  std::string token = base64_encode(as_bytes(header), Base64Alphabet::url) + '.' +
                      base64_encode(as_bytes(payload), Base64Alphabet::url);
  const auto signature = hmac_sha256(as_bytes(key_text), as_bytes(token));
  return token + '.' + base64_encode(signature, Base64Alphabet::url);
}

std::string token_with_claims(std::string_view payload) {
  return token_of(R"({"alg":"HS256","typ":"JWT"})", payload);
}

/// Claims that are fine but for what a test adds.
std::string claims(std::string_view more) {
  return R"({"sub":"u","company":"c","aud":"ngx_media","exp":1795250060)" + std::string(more) + "}";
}

ErrorCode refusal(std::string_view token, const JwtPolicy& with = policy()) {
  const auto identity = verify_jwt_hs256(token, key(), with, kNow);
  EXPECT_FALSE(identity) << token;
  return identity ? ErrorCode::internal : identity.error().code;
}

TEST(Jwt, a_signed_token_gives_back_its_identity) {
  const Identity identity{"u", {"c"}, "agent", kNow + 60};
  const auto verified =
      verify_jwt_hs256(sign_jwt_hs256(identity, key(), policy(), kNow), key(), policy(), kNow);
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(verified->user, "u");
  EXPECT_EQ(verified->companies, std::vector<std::string>{"c"});
  EXPECT_EQ(verified->role, "agent");
  EXPECT_EQ(verified->expires_at, kNow + 60);
}

TEST(Jwt, the_time_of_issue_is_kept_and_may_be_missing) {
  const auto issued = [](std::string_view more) {
    return verify_jwt_hs256(token_with_claims(claims(more)), key(), policy(), kNow)->issued_at;
  };
  EXPECT_EQ(issued(R"(,"iat":1795249990)"), 1795249990);
  EXPECT_EQ(issued(R"(,"iat":1795249990.9)"), 1795249990);
  EXPECT_EQ(issued(""), 0);
}

TEST(Jwt, a_token_is_revoked_whatever_its_signature) {
  const Sha256Digest signed_text = sha256(as_bytes("header.payload"));
  EXPECT_EQ(revocation_digest("header.payload.signature"), signed_text);
  EXPECT_EQ(revocation_digest("header.payload."), signed_text);
  for (const std::string_view whole : {"opaque", "a.b", "a..b.c.d", "a.b.c.d.e"}) {
    EXPECT_EQ(revocation_digest(whole), sha256(as_bytes(whole))) << whole;
  }
}

TEST(Jwt, signature_agrees_with_rfc_7515_appendix_a1) {
  const auto key_bytes = *base64_decode(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
      Base64Alphabet::url, Base64Padding::none);
  const std::string_view token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
      "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl"
      "fQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  const auto verified = verify_jwt_hs256(token, key_bytes, {}, 1300819379);
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().message, "token claim \"sub\" is missing or not usable");
}

TEST(Jwt, other_algorithms_are_refused) {
  for (const std::string_view alg : {"none", "None", "HS512", "RS256", "hs256", ""}) {
    const std::string header = R"({"alg":")" + std::string(alg) + R"("})";
    EXPECT_EQ(refusal(token_of(header, claims(""))), ErrorCode::unauthorized);
  }
  EXPECT_EQ(refusal(token_of("{}", claims(""))), ErrorCode::unauthorized);
  EXPECT_EQ(refusal(token_of(R"({"alg":["HS256"]})", claims(""))), ErrorCode::unauthorized);
}

TEST(Jwt, a_duplicate_header_member_is_refused) {
  EXPECT_EQ(refusal(token_of(R"({"alg":"HS256","alg":"none"})", claims(""))),
            ErrorCode::invalid_argument);
}

TEST(Jwt, critical_header_parameters_are_refused) {
  EXPECT_EQ(refusal(token_of(R"({"alg":"HS256","crit":["exp"]})", claims(""))),
            ErrorCode::unauthorized);
}

TEST(Jwt, a_foreign_or_stripped_signature_is_refused) {
  const std::string token = token_with_claims(claims(""));
  EXPECT_EQ(refusal(token_of(R"({"alg":"HS256"})", claims(""), "another key")),
            ErrorCode::unauthorized);
  EXPECT_EQ(refusal(token.substr(0, token.rfind('.') + 1)), ErrorCode::unauthorized);
  EXPECT_EQ(refusal(token.substr(0, token.size() - 4)), ErrorCode::unauthorized);
}

TEST(Jwt, what_is_not_a_token_is_refused) {
  for (const std::string_view text :
       {"", ".", "..", "a.b", "a.b.c.d", "!.!.!", "eyJhbGciOiJIUzI1NiJ9.e30.*"}) {
    EXPECT_EQ(refusal(text), ErrorCode::invalid_argument) << text;
  }
  EXPECT_EQ(refusal(token_with_claims(claims(",\"x\":\"" + std::string(9000, 'x') + '"'))),
            ErrorCode::invalid_argument);
}

TEST(Jwt, expiry_is_required_and_honoured_with_leeway) {
  EXPECT_EQ(refusal(token_with_claims(R"({"sub":"u","company":"c","aud":"ngx_media"})")),
            ErrorCode::unauthorized);
  const std::string token =
      token_with_claims(R"({"sub":"u","company":"c","aud":"ngx_media","exp":1795250000})");
  EXPECT_EQ(refusal(token), ErrorCode::expired);
  JwtPolicy lenient = policy();
  lenient.leeway_seconds = 1;
  EXPECT_TRUE(verify_jwt_hs256(token, key(), lenient, kNow));
}

TEST(Jwt, hostile_dates_are_refused) {
  for (const std::string_view exp : {"\"soon\"", "-1", "-1e300", "null", "true", "{}"}) {
    const std::string payload =
        R"({"sub":"u","company":"c","aud":"ngx_media","exp":)" + std::string(exp) + "}";
    EXPECT_FALSE(verify_jwt_hs256(token_with_claims(payload), key(), policy(), kNow)) << exp;
  }
}

TEST(Jwt, a_token_from_the_future_is_refused) {
  EXPECT_EQ(refusal(token_with_claims(claims(",\"nbf\":1795250001"))), ErrorCode::unauthorized);
  EXPECT_EQ(refusal(token_with_claims(claims(",\"iat\":1795250001"))), ErrorCode::unauthorized);
  EXPECT_EQ(refusal(token_with_claims(claims(",\"nbf\":\"now\""))), ErrorCode::unauthorized);
}

TEST(Jwt, audience_may_be_a_string_or_a_list) {
  JwtPolicy other = policy();
  other.audience = "elsewhere";
  EXPECT_EQ(refusal(token_with_claims(claims("")), other), ErrorCode::unauthorized);
  const std::string listed =
      token_with_claims(R"({"sub":"u","company":"c","aud":["x","ngx_media"],"exp":1795250060})");
  EXPECT_TRUE(verify_jwt_hs256(listed, key(), policy(), kNow));
}

TEST(Jwt, issuer_is_pinned_when_given) {
  JwtPolicy pinned = policy();
  pinned.issuer = "site";
  EXPECT_EQ(refusal(token_with_claims(claims("")), pinned), ErrorCode::unauthorized);
  EXPECT_TRUE(
      verify_jwt_hs256(token_with_claims(claims(",\"iss\":\"site\"")), key(), pinned, kNow));
}

TEST(Jwt, claims_with_control_characters_or_of_other_types_are_refused) {
  for (const std::string_view sub : {"\"a\\r\\nX-Media-Company: other\"", "1", "\"\"", "[\"u\"]"}) {
    const std::string payload =
        R"({"company":"c","aud":"ngx_media","exp":1795250060,"sub":)" + std::string(sub) + "}";
    EXPECT_EQ(refusal(token_with_claims(payload)), ErrorCode::unauthorized) << sub;
  }
}

TEST(Jwt, a_caller_may_have_several_companies) {
  const std::string uuid = "0190A5D2-7C3E-7ABC-8DEF-0123456789AB";
  const auto identity =
      verify_jwt_hs256(token_with_claims(R"({"sub":"u","company":["c",")" + uuid +
                                         R"("],"aud":"ngx_media","exp":1795250060})"),
                       key(), policy(), kNow);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->companies,
            (std::vector<std::string>{"c", "0190a5d2-7c3e-7abc-8def-0123456789ab"}));
}

TEST(Jwt, companies_that_no_header_could_hold_are_refused) {
  std::string many = "\"c\"";
  for (std::size_t i = 0; i < kMaxCompanies; ++i) many += ",\"c\"";
  for (const std::string& companies :
       {std::string("[]"), std::string("[\"\"]"), std::string("[\"a,b\"]"), std::string("[1]"),
        std::string("[\"a\\n\"]"), "[" + many + "]", std::string("{}")}) {
    const std::string payload =
        R"({"sub":"u","aud":"ngx_media","exp":1795250060,"company":)" + companies + "}";
    EXPECT_EQ(refusal(token_with_claims(payload)), ErrorCode::unauthorized) << companies;
  }
}

TEST(Jwt, messages_never_quote_the_token) {
  const std::string token = token_of(R"({"alg":"HS256"})", claims(""), "another key");
  const auto identity = verify_jwt_hs256(token, key(), policy(), kNow);
  ASSERT_FALSE(identity);
  EXPECT_EQ(identity.error().message.find(token.substr(0, 20)), std::string::npos);
}

}  // namespace
}  // namespace media
