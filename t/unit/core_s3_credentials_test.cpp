#include "core/s3_credentials.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

TEST(S3Credentials, a_key_file_has_two_or_three_lines) {
  EXPECT_EQ(parse_s3_credentials("AKIA\nse/cr+et=\n"), (S3Credentials{"AKIA", "se/cr+et=", ""}));
  EXPECT_EQ(parse_s3_credentials("test:tester\r\n  secret\t\r\ntoken\r\n\r\n"),
            (S3Credentials{"test:tester", "secret", "token"}));
}

TEST(S3Credentials, errors_name_the_line_and_never_show_it) {
  const auto error = [](std::string_view text) {
    return parse_s3_credentials(text).error().message;
  };
  EXPECT_TRUE(error("").starts_with("has 0 lines; it takes the access key"));
  EXPECT_TRUE(error("hidden\n").starts_with("has 1 lines;"));
  EXPECT_TRUE(error("a\nb\nc\nd").starts_with("has 4 lines;"));
  EXPECT_EQ(error("aws_access_key_id = hidden\nhidden"),
            "line 1 should hold nothing but the access key, without white space or foreign "
            "characters");
  EXPECT_TRUE(error("hidden\nhid\x01"
                    "den")
                  .starts_with("line 2 "));
  EXPECT_TRUE(error("hidden\n\nhidden").starts_with("line 2 "));
  EXPECT_TRUE(error("hidden\nhidden\nhidd\xC3\xA9n").starts_with("line 3 "));
}

}  // namespace
}  // namespace media
