#include "core/s3_endpoint.hpp"

#include <gtest/gtest.h>

#include "core/encoding.hpp"

namespace media {
namespace {

struct Case {
  const char* url;
  const char* bucket;
  const char* region;
  const char* style;
  const char* outcome;  ///< scheme://host, or the error
};

std::string outcome_of(const Case& sample) {
  const auto endpoint = parse_s3_endpoint(sample.url, sample.bucket, sample.region, sample.style);
  return endpoint ? url_of(*endpoint, "") : endpoint.error().message;
}

TEST(S3Endpoint, hosts_are_as_clients_send_them) {
  constexpr Case kCases[] = {
      {"https://s3.eu-west-1.amazonaws.com", "photos", "eu-west-1", "virtual",
       "https://photos.s3.eu-west-1.amazonaws.com"},
      {"https://s3.eu-west-1.amazonaws.com/", "my.photos", "eu-west-1", "path",
       "https://s3.eu-west-1.amazonaws.com"},
      {"http://my.host:80", "a.b", "r", "virtual", "http://a.b.my.host"},
      {"https://Storage.Example:443", "photos", "auto", "path", "https://storage.example"},
      {"https://storage.example:80", "photos", "auto", "path", "https://storage.example:80"},
      {"http://127.0.0.1:7480", "Old_Bucket", "default", "path", "http://127.0.0.1:7480"},
      {"http://[2001:DB8::1]:7480", "photos", "default", "path", "http://[2001:db8::1]:7480"},
      {"http://[::1]:80", "photos", "default", "path", "http://[::1]"},
  };
  for (const Case& sample : kCases) EXPECT_EQ(outcome_of(sample), sample.outcome) << sample.url;
}

TEST(S3Endpoint, errors_say_what_is_wrong) {
  constexpr Case kCases[] = {
      {"s3.amazonaws.com", "photos", "r", "path",
       "endpoint \"s3.amazonaws.com\" should begin with http:// or https://"},
      {"ftp://host", "photos", "r", "path",
       "endpoint \"ftp://host\" should begin with http:// or https://"},
      {"https://host/photos", "photos", "r", "path",
       "endpoint \"https://host/photos\" should end after the host and port"},
      {"https://host?x", "photos", "r", "path",
       "endpoint \"https://host?x\" should end after the host and port"},
      {"https://me:secret@host", "photos", "r", "path",
       "endpoint should have no user name before its host"},
      {"https://", "photos", "r", "path", "endpoint \"https://\" has no valid host"},
      {"https://a..b", "photos", "r", "path", "endpoint \"https://a..b\" has no valid host"},
      {"https://a b", "photos", "r", "path", "endpoint \"https://a b\" has no valid host"},
      {"https://::1", "photos", "r", "path", "endpoint \"https://::1\" has no valid port"},
      {"https://[::1", "photos", "r", "path", "endpoint \"https://[::1\" has no valid host"},
      {"https://host:", "photos", "r", "path", "endpoint \"https://host:\" has no valid port"},
      {"https://host:70000", "photos", "r", "path",
       "endpoint \"https://host:70000\" has no valid port"},
      {"https://host", "photos", "r", "dns", "style \"dns\" should be \"path\" or \"virtual\""},
      {"https://host", "photos", "", "path",
       "region \"\" should be a name such as us-east-1, or auto"},
      {"https://host", "photos", "us east", "path",
       "region \"us east\" should be a name such as us-east-1, or auto"},
      {"https://host", "a/b", "r", "path",
       "bucket \"a/b\" is no bucket's name: 3 to 255 letters, digits, \"-\", \".\", \"_\""},
      {"https://host", "", "r", "path",
       "bucket \"\" is no bucket's name: 3 to 255 letters, digits, \"-\", \".\", \"_\""},
      {"https://host", "Photos", "r", "virtual",
       "bucket \"Photos\" can't be part of a host name: in the virtual style it has 3 to 63 "
       "lower-case letters, digits, \"-\" and \".\""},
      {"https://host", "a.b", "r", "virtual",
       "bucket \"a.b\" has a dot, which certificates of the virtual style do not cover; use the "
       "path style"},
      {"http://10.0.0.1", "photos", "r", "virtual",
       "style \"virtual\" needs a host name in the endpoint, not an address"},
      {"http://[::1]", "photos", "r", "virtual",
       "style \"virtual\" needs a host name in the endpoint, not an address"},
  };
  for (const Case& sample : kCases) EXPECT_EQ(outcome_of(sample), sample.outcome) << sample.url;
}

TEST(S3Endpoint, every_byte_of_a_key_is_encoded_once) {
  const auto path = parse_s3_endpoint("http://host", "photos", "r", "path").value();
  std::string key;
  for (int byte = 0; byte < 256; ++byte) key.push_back(static_cast<char>(byte));
  const std::string uri = canonical_uri(path, key);
  ASSERT_TRUE(uri.starts_with("/photos/"));
  const std::string_view sent = std::string_view(uri).substr(8);
  EXPECT_EQ(sent.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                   "-_.~/%"),
            std::string_view::npos);
  EXPECT_EQ(percent_decode(sent), key);
  // 66 unreserved characters and the slash stay.
  EXPECT_EQ(sent.size(), 67u + 3 * (256 - 67));
}

TEST(S3Endpoint, nothing_in_a_key_is_normalised) {
  const auto path = parse_s3_endpoint("http://host", "photos", "r", "path").value();
  const auto virtual_style = parse_s3_endpoint("http://host", "photos", "r", "virtual").value();
  EXPECT_EQ(canonical_uri(path, "a//./../b%20c"), "/photos/a//./../b%2520c");
  EXPECT_EQ(canonical_uri(path, "/a"), "/photos//a");
  EXPECT_EQ(canonical_uri(virtual_style, "a b"), "/a%20b");
  EXPECT_EQ(canonical_uri(path, ""), "/photos");
  EXPECT_EQ(canonical_uri(virtual_style, ""), "/");
}

}  // namespace
}  // namespace media
