// [storage] and [buckets]: which stores there are, and which takes what.
#include <map>

#include <gmock/gmock.h>

#include "indexer/config.hpp"

namespace media {
namespace {

using testing::HasSubstr;

const std::string kBase = R"([database]
conninfo = "dbname=media"
[auth]
jwt_key_file = "/k/jwt"
[secrets]
key_file = "/k/seal"
)";
const std::string kLocal = "[storage.local]\nroot = \"/srv/media\"\n";
const std::string kS3 = R"([storage.s3]
endpoint = "https://s3.example.com"
region = "eu-central-1"
bucket = "media"
key_file = "/k/s3"
)";

using Variables = std::map<std::string, std::string>;

Result<Config> parse(const std::string& text, const Variables& variables = {}) {
  return parse_config(kBase + text, "indexer.toml", [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  });
}

std::string problems(const std::string& text, const Variables& variables = {}) {
  const auto config = parse(text, variables);
  return config ? "" : config.error().message;
}

TEST(StorageConfig, without_another_word_everything_goes_to_the_local_store) {
  const auto config = parse(kLocal);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->storage.root, "/srv/media");
  EXPECT_EQ(config->storage.default_store, "local");
  EXPECT_TRUE(config->storage.s3.empty() && config->storage.by_bucket.empty());
}

TEST(StorageConfig, a_bucket_of_s3_has_the_documented_defaults) {
  const auto config = parse(kLocal + kS3);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->storage.s3.size(), 1u);
  const S3StoreConfig& s3 = config->storage.s3[0];
  EXPECT_EQ(s3.name, "s3");
  EXPECT_EQ(s3.endpoint, "https://s3.example.com");
  EXPECT_EQ(s3.region, "eu-central-1");
  EXPECT_EQ(s3.bucket, "media");
  EXPECT_EQ(s3.key_file, "/k/s3");
  EXPECT_TRUE(s3.is_path_style);
  EXPECT_FALSE(s3.is_public || s3.allow_plain_http);
  EXPECT_EQ(s3.public_url, "");
  EXPECT_EQ(s3.multipart_threshold, 33554432u);
  EXPECT_EQ(s3.part_bytes, 16777216u);
  EXPECT_EQ(s3.concurrency, 4u);
  EXPECT_EQ(config->storage.default_store, "local");
}

TEST(StorageConfig, each_media_bucket_can_have_a_store_of_its_own) {
  const auto config = parse("[storage]\ndefault = \"s3\"\n" + kLocal + kS3 +
                            "[storage.cold]\ntype = \"s3\"\nbucket = \"old-media\"\n"
                            "key_file = \"/k/cold\"\nstyle = \"virtual\"\nvisibility = \"public\"\n"
                            "[buckets]\nvideos = \"cold\"\naudio = \"local\"\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->storage.default_store, "s3");
  EXPECT_EQ(config->storage.by_bucket.at("videos"), "cold");
  EXPECT_EQ(config->storage.by_bucket.at("audio"), "local");
  EXPECT_FALSE(config->storage.by_bucket.contains("images"));
  ASSERT_EQ(config->storage.s3.size(), 2u);
  const S3StoreConfig& cold = config->storage.s3[0];
  EXPECT_EQ(cold.name, "cold");
  EXPECT_EQ(cold.endpoint, "https://s3.us-east-1.amazonaws.com");
  EXPECT_FALSE(cold.is_path_style);
  EXPECT_TRUE(cold.is_public);
}

TEST(StorageConfig, the_environment_alone_can_name_the_store) {
  const auto config = parse("[storage.s3]\nallow_plain_http = true\n",
                            {{"MEDIA_STORAGE_TYPE", "s3"},
                             {"MEDIA_STORAGE_PATH", "/data"},
                             {"S3_BUCKET", "media"},
                             {"S3_REGION", "auto"},
                             {"S3_ENDPOINT", "http://minio:9000/"},
                             {"S3_ACCESS_KEY_ID", "AK"},
                             {"S3_SECRET_ACCESS_KEY", "SK"},
                             {"S3_PUBLIC_URL", "https://cdn.example.com/"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->storage.root, "/data");
  EXPECT_EQ(config->storage.default_store, "s3");
  const S3StoreConfig& s3 = config->storage.s3.at(0);
  EXPECT_EQ(s3.endpoint, "http://minio:9000");
  EXPECT_EQ(s3.region + s3.bucket, "automedia");
  EXPECT_EQ(s3.access_key + s3.secret_key, "AKSK");
  EXPECT_EQ(s3.public_url, "https://cdn.example.com");
}

TEST(StorageConfig, what_the_file_says_goes_before_the_environment) {
  const Variables variables = {{"MEDIA_STORAGE_TYPE", "s3"}, {"MEDIA_STORAGE_PATH", "/data"},
                               {"S3_BUCKET", "other"},       {"S3_ENDPOINT", "https://other"},
                               {"S3_ACCESS_KEY_ID", "AK"},   {"S3_SECRET_ACCESS_KEY", "SK"}};
  const auto config = parse("[storage]\ndefault = \"local\"\n" + kLocal + kS3, variables);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->storage.root, "/srv/media");
  EXPECT_EQ(config->storage.default_store, "local");
  const S3StoreConfig& s3 = config->storage.s3.at(0);
  EXPECT_EQ(s3.bucket + s3.endpoint + s3.key_file, "mediahttps://s3.example.com/k/s3");
  EXPECT_EQ(s3.access_key + s3.secret_key, "");
}

TEST(StorageConfig, stray_variables_make_no_store_that_nothing_names) {
  const auto config = parse(kLocal, {{"S3_BUCKET", "of-another-program"}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->storage.s3.empty());
}

TEST(StorageConfig, a_mistake_is_named_with_its_place) {
  EXPECT_EQ(problems(kLocal + kS3 + "style = \"flat\"\n"),
            "indexer.toml:14:9: storage.s3.style must be \"path\" or \"virtual\"");
  EXPECT_EQ(problems(kLocal + "[buckets]\nimages = \"s4\"\n"),
            "indexer.toml:10:10: buckets.images names no store; known here: local");
  EXPECT_THAT(problems(kLocal + "[buckets]\nphotos = \"local\"\n"),
              HasSubstr("indexer.toml:10:1: unknown setting buckets.photos"));
  EXPECT_THAT(problems("[storage]\nroot = \"/x\"\n" + kLocal),
              HasSubstr("indexer.toml:8:1: unknown setting storage.root"));
  EXPECT_THAT(problems("[storage]\ndefault = \"s4\"\n" + kLocal),
              HasSubstr("indexer.toml:8:11: storage.default names no store"));
  EXPECT_THAT(problems(kLocal + kS3 + "secret = \"x\"\n"),
              HasSubstr("indexer.toml:14:1: unknown setting storage.s3.secret"));
  EXPECT_THAT(problems(kLocal + kS3 + "part_bytes = 1000\n"),
              HasSubstr("indexer.toml:14:14: storage.s3.part_bytes is 1000, must be 5242880"));
  EXPECT_THAT(problems(kLocal + "[storage.cold]\nbucket = \"media\"\nkey_file = \"/k\"\n"),
              HasSubstr("storage.cold.type must be \"s3\""));
  EXPECT_THAT(problems(kLocal + "[storage.s3]\nbucket = \"media\"\n"),
              HasSubstr("storage.s3.key_file is needed: a file with the access key"));
  EXPECT_THAT(problems(kLocal + "[storage.s3]\nkey_file = \"/k\"\n"),
              HasSubstr("storage.s3.bucket is needed"));
  EXPECT_THAT(problems(kLocal + "[storage.s3]\nbucket = \"My_Media\"\nkey_file = \"/k\"\n"),
              HasSubstr("indexer.toml:10:10: storage.s3.bucket must be 3 to 63 of a-z 0-9 . -"));
}

TEST(StorageConfig, media_do_not_go_over_the_network_in_the_clear_unasked) {
  const std::string plain =
      "[storage.s3]\nbucket = \"media\"\nkey_file = \"/k\"\n"
      "endpoint = \"http://10.0.0.1:7480\"\n";
  EXPECT_THAT(problems(kLocal + plain),
              HasSubstr("indexer.toml:12:12: storage.s3.endpoint is not https"));
  EXPECT_EQ(problems(kLocal + plain + "allow_plain_http = true\n"), "");
  EXPECT_THAT(problems(kLocal + "[storage.s3]\nbucket = \"media\"\nkey_file = \"/k\"\n",
                       {{"S3_ENDPOINT", "minio:9000"}}),
              HasSubstr("(environment variable S3_ENDPOINT)"));
}

TEST(StorageConfig, half_a_credential_is_none) {
  EXPECT_THAT(
      problems(kLocal,
               {{"MEDIA_STORAGE_TYPE", "s3"}, {"S3_BUCKET", "media"}, {"S3_ACCESS_KEY_ID", "AK"}}),
      HasSubstr("S3_SECRET_ACCESS_KEY"));
}

}  // namespace
}  // namespace media
