#include "ngx_media_module/s3/s3_store.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace media::nginx {
namespace {

constexpr std::int64_t kBucket = 1795250700;  // a multiple of 900

S3Store store() {
  S3Store store;
  store.endpoint = parse_s3_endpoint("https://s3.example", "photos", "r", "path").value();
  store.credentials = {"ACCESS", "SECRET", ""};
  return store;
}

MediaRecord record() {
  MediaRecord record;
  record.storage_key = "a b.jpg";
  record.mime_type = "image/jpeg";
  record.disposition = "inline; filename=\"x.jpg\"";
  return record;
}

std::string url_at(std::int64_t now, std::string_view method = "GET") {
  auto one = store();
  return std::string(redirect_target(one, record(), method, now).url);
}

TEST(S3Store, an_url_stays_the_same_within_its_bucket_of_time) {
  EXPECT_EQ(url_at(kBucket), url_at(kBucket + 899));
  EXPECT_NE(url_at(kBucket), url_at(kBucket + 900));
  EXPECT_NE(url_at(kBucket), url_at(kBucket, "HEAD"));
  EXPECT_NE(url_at(kBucket + 450).find("&X-Amz-Date=" + amz_date(kBucket) + "&X-Amz-Expires=3600&"),
            std::string::npos);
}

TEST(S3Store, what_an_url_depends_on_makes_another) {
  auto one = store();
  std::set<std::string> urls;
  const auto ask = [&](const MediaRecord& media, std::string_view method = "GET") {
    const std::string url(redirect_target(one, media, method, kBucket).url);
    EXPECT_EQ(redirect_target(one, media, method, kBucket).url, url);
    EXPECT_TRUE(urls.insert(url).second) << url;
  };
  auto media = record();
  ask(media);
  ask(media, "HEAD");
  media.storage_key = "another.jpg";
  ask(media);
  media.mime_type = "image/png";
  ask(media);
  media.disposition = "attachment";
  ask(media);
  media.is_public = true;
  ask(media);
  one.use({"ANOTHER", "SECRET", ""});
  ask(media);
}

TEST(S3Store, many_urls_are_each_their_own) {
  auto one = store();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5000; ++i) {
      auto media = record();
      const std::string key = "k" + std::to_string(i);
      media.storage_key = key;
      const std::string url(redirect_target(one, media, "GET", kBucket).url);
      ASSERT_TRUE(url.starts_with("https://s3.example/photos/" + key + "?")) << url;
    }
  }
}

TEST(S3Store, what_is_remembered_ends_with_the_bucket) {
  auto one = store();
  EXPECT_EQ(redirect_target(one, record(), "GET", kBucket).max_age, 900);
  EXPECT_EQ(redirect_target(one, record(), "GET", kBucket + 899).max_age, 1);
  one.bucket_time = 86400;
  one.expires = 604800;
  EXPECT_EQ(redirect_target(one, record(), "GET", kBucket - kBucket % 86400).max_age, 3600);
}

TEST(S3Store, the_store_is_told_what_to_say) {
  const std::string url = url_at(kBucket);
  EXPECT_TRUE(url.starts_with("https://s3.example/photos/a%20b.jpg?X-Amz-Algorithm="));
  EXPECT_NE(url.find("&response-cache-control=private%2C%20max-age%3D3600%2C%20immutable"
                     "&response-content-disposition=inline%3B%20filename%3D%22x.jpg%22"
                     "&response-content-type=image%2Fjpeg&X-Amz-Signature="),
            std::string::npos);
}

TEST(S3Store, only_what_is_public_is_at_the_public_url) {
  auto one = store();
  one.public_url = "https://cdn.example/media";
  auto media = record();
  EXPECT_FALSE(redirect_target(one, media, "GET", kBucket).is_public);
  media.is_public = true;
  const auto target = redirect_target(one, media, "GET", kBucket);
  EXPECT_TRUE(target.is_public);
  EXPECT_EQ(target.url, "https://cdn.example/media/a%20b.jpg");
  EXPECT_FALSE(is_at_public_url(store(), media));
}

TEST(S3Store, a_signature_in_headers_follows_time_method_and_keys) {
  auto one = store();
  const auto first = sign_fetch(one, "GET", "/photos/a", kBucket);
  EXPECT_EQ(first.date, amz_date(kBucket));
  EXPECT_NE(first.authorization.find("SignedHeaders=host;x-amz-content-sha256;x-amz-date, "),
            std::string::npos);
  EXPECT_EQ(sign_fetch(one, "GET", "/photos/a", kBucket).authorization, first.authorization);
  EXPECT_NE(sign_fetch(one, "HEAD", "/photos/a", kBucket).authorization, first.authorization);
  EXPECT_NE(sign_fetch(one, "GET", "/photos/a", kBucket + 1).authorization, first.authorization);
  one.credentials.secret_key = "ANOTHER";
  EXPECT_NE(sign_fetch(one, "GET", "/photos/a", kBucket).authorization, first.authorization);
}

}  // namespace
}  // namespace media::nginx
