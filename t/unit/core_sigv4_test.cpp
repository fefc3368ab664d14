#include "core/sigv4.hpp"

#include <ctime>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

#include "core/json_object.hpp"

namespace media {
namespace {

std::string member(const json_t* object, const char* name) {
  return std::string(string_member(object, name).value_or(""));
}

S3Pairs pairs(const json_t* object) {
  S3Pairs all;
  const char* name = nullptr;
  json_t* value = nullptr;
  json_object_foreach(const_cast<json_t*>(object), name, value) {
    all.emplace_back(name, json_string_value(value));
  }
  return all;
}

std::int64_t unix_time(const std::string& date) {
  std::tm parts{};
  EXPECT_NE(strptime(date.c_str(), "%Y%m%dT%H%M%SZ", &parts), nullptr) << date;
  return timegm(&parts);
}

/// Presigned URLs made by botocore, and by two other signers alike; the file says how.
Json vectors() {
  std::ifstream file(std::string(MEDIA_FIXTURES) + "/s3/sigv4-vectors.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return parse_json_object(text);
}

TEST(SigV4, presigned_urls_are_those_of_other_signers) {
  const Json root = vectors();
  const json_t* const all = json_object_get(root.get(), "vectors");
  ASSERT_EQ(json_array_size(all), 40u);
  SigningKey signing_key;
  for (std::size_t i = 0; i < json_array_size(all); ++i) {
    const json_t* const vector = json_array_get(all, i);
    SCOPED_TRACE(member(vector, "name"));
    const auto endpoint =
        parse_s3_endpoint(member(vector, "endpoint"), member(vector, "bucket"),
                          member(vector, "region"), member(vector, "addressing_style"));
    ASSERT_TRUE(endpoint) << endpoint.error().message;
    EXPECT_EQ(endpoint->host, member(vector, "host"));
    const S3Credentials credentials = {member(vector, "access_key"), member(vector, "secret_key"),
                                       member(vector, "session_token")};
    EXPECT_EQ(presign(member(vector, "method"), *endpoint, member(vector, "key"),
                      pairs(json_object_get(vector, "response_overrides")), credentials,
                      signing_key, unix_time(member(vector, "date")),
                      json_integer_value(json_object_get(vector, "expires")),
                      pairs(json_object_get(vector, "signed_headers"))),
              url_of(*endpoint, member(vector, "canonical_uri")) + "?" +
                  member(vector, "canonical_query") +
                  "&X-Amz-Signature=" + member(vector, "expected_signature"));
  }
}

// The examples that AWS publishes ("sig-v4-header-based-auth").
constexpr std::int64_t kExampleTime = 1369353600;  // 20130524T000000Z
constexpr const char* kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

S3Credentials example_credentials() {
  return {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
}

S3Endpoint example_endpoint() {
  return parse_s3_endpoint("https://s3.amazonaws.com", "examplebucket", "us-east-1", "virtual")
      .value();
}

std::string header(const S3Pairs& headers, std::string_view name) {
  for (const auto& [each, value] : headers) {
    if (each == name) return value;
  }
  return "";
}

std::string example_authorization(const S3Request& request) {
  SigningKey signing_key;
  const auto headers =
      sign_request(request, example_endpoint(), example_credentials(), signing_key, kExampleTime);
  EXPECT_EQ(header(headers, "x-amz-date"), "20130524T000000Z");
  EXPECT_EQ(header(headers, "x-amz-content-sha256"), request.payload_sha256_hex);
  return header(headers, "Authorization");
}

std::string example_header(const std::string& signed_headers, const std::string& signature) {
  return "AWS4-HMAC-SHA256 "
         "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" +
         signed_headers + ", Signature=" + signature;
}

TEST(SigV4, the_published_example_of_a_signing_key) {
  SigningKey signing_key;
  const auto& key = signing_key.of(example_credentials(), "us-east-1", kExampleTime);
  EXPECT_EQ(hex_encode(key), "dbb893acc010964918f1fd433add87c70e8b0db6be30c1fbeafefa5ec6ba8378");
}

TEST(SigV4, the_published_example_of_get) {
  EXPECT_EQ(example_authorization({.method = "GET",
                                   .canonical_uri = "/test.txt",
                                   .query = {},
                                   .headers = {{"Range", "bytes=0-9"}},
                                   .payload_sha256_hex = kEmptySha256}),
            example_header("host;range;x-amz-content-sha256;x-amz-date",
                           "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"));
}

TEST(SigV4, the_published_example_of_put) {
  EXPECT_EQ(example_authorization(
                {.method = "PUT",
                 .canonical_uri = canonical_uri(example_endpoint(), "test$file.text"),
                 .query = {},
                 .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                             {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                 .payload_sha256_hex = hex_encode(sha256(as_bytes("Welcome to Amazon S3.")))}),
            example_header("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                           "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(SigV4, the_published_example_of_a_query_without_a_value) {
  EXPECT_EQ(example_authorization({.method = "GET",
                                   .canonical_uri = "/",
                                   .query = {{"lifecycle", ""}},
                                   .headers = {},
                                   .payload_sha256_hex = kEmptySha256}),
            example_header("host;x-amz-content-sha256;x-amz-date",
                           "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(SigV4, the_published_example_of_a_list) {
  EXPECT_EQ(example_authorization({.method = "GET",
                                   .canonical_uri = canonical_uri(example_endpoint(), ""),
                                   .query = {{"prefix", "J"}, {"max-keys", "2"}},
                                   .headers = {},
                                   .payload_sha256_hex = kEmptySha256}),
            example_header("host;x-amz-content-sha256;x-amz-date",
                           "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(SigV4, headers_are_trimmed_and_sorted_by_name) {
  const S3Request tidy = {.method = "PUT",
                          .canonical_uri = "/k",
                          .query = {},
                          .headers = {{"x-amz-meta-a", "1 2"}, {"x-amz-meta-a-b", "3"}},
                          .payload_sha256_hex = kEmptySha256};
  S3Request untidy = tidy;
  untidy.headers = {{"X-Amz-Meta-A-B", "3\t"}, {"X-Amz-Meta-A", "  1 \t 2  "}};
  EXPECT_EQ(example_authorization(untidy), example_authorization(tidy));
  EXPECT_NE(example_authorization(tidy).find("x-amz-meta-a;x-amz-meta-a-b"), std::string::npos);
}

TEST(SigV4, a_session_token_is_signed) {
  SigningKey signing_key;
  auto credentials = example_credentials();
  credentials.session_token = "token/+=";
  const auto headers = sign_request({.method = "GET",
                                     .canonical_uri = "/k",
                                     .query = {},
                                     .headers = {},
                                     .payload_sha256_hex = std::string(kUnsignedPayload)},
                                    example_endpoint(), credentials, signing_key, kExampleTime);
  EXPECT_EQ(header(headers, "x-amz-security-token"), "token/+=");
  EXPECT_NE(header(headers, "Authorization")
                .find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"),
            std::string::npos);
  const std::string url =
      presign("GET", example_endpoint(), "k", {}, credentials, signing_key, kExampleTime, 60);
  EXPECT_NE(url.find("&X-Amz-Security-Token=token%2F%2B%3D&X-Amz-SignedHeaders=host&"),
            std::string::npos);
}

TEST(SigV4, the_query_is_sorted_by_encoded_names_and_always_has_equals_signs) {
  EXPECT_EQ(canonical_query({{"uploads", ""}, {"prefix", "a/b c+d"}, {"X", "1"}, {"prefix", "a"}}),
            "X=1&prefix=a&prefix=a%2Fb%20c%2Bd&uploads=");
  EXPECT_EQ(canonical_query({}), "");
}

TEST(SigV4, a_signing_key_follows_day_region_and_secret) {
  SigningKey kept;
  const auto fresh = [](const S3Credentials& credentials, const char* region, std::int64_t time) {
    SigningKey key;
    return key.of(credentials, region, time);
  };
  auto credentials = example_credentials();
  EXPECT_EQ(kept.of(credentials, "a", kExampleTime), fresh(credentials, "a", kExampleTime));
  EXPECT_EQ(kept.of(credentials, "a", kExampleTime + 86399), fresh(credentials, "a", kExampleTime));
  EXPECT_EQ(kept.of(credentials, "a", kExampleTime + 86400),
            fresh(credentials, "a", kExampleTime + 86400));
  EXPECT_EQ(kept.of(credentials, "b", kExampleTime), fresh(credentials, "b", kExampleTime));
  credentials.secret_key += 'x';
  EXPECT_EQ(kept.of(credentials, "b", kExampleTime), fresh(credentials, "b", kExampleTime));
  EXPECT_NE(kept.of(credentials, "b", kExampleTime),
            fresh(example_credentials(), "b", kExampleTime));
}

TEST(SigV4, dates_are_those_of_the_calendar) {
  EXPECT_EQ(amz_date(0), "19700101T000000Z");
  EXPECT_EQ(amz_date(951782399), "20000228T235959Z");
  EXPECT_EQ(amz_date(951782400), "20000229T000000Z");
  EXPECT_EQ(amz_date(2147483648), "20380119T031408Z");
}

}  // namespace
}  // namespace media
