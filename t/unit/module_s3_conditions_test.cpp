#include "ngx_media_module/s3/conditions.hpp"

#include <gtest/gtest.h>

namespace media::nginx {
namespace {

constexpr std::string_view kTag = "\"ab\"";

TEST(S3Conditions, a_list_of_entity_tags_names_some) {
  for (const std::string_view list :
       {"*", "\"ab\"", "\"x\", \"ab\"", " \"ab\" ,\"x\"", ",,\"ab\""}) {
    EXPECT_TRUE(names_entity_tag(list, kTag, false)) << list;
  }
  for (const std::string_view list :
       {"", "\"x\"", "ab", "\"ab", "\"a\"\"b\"", "\"abc\"", "\"AB\"", "W/", "**", "x, \"ab\""}) {
    EXPECT_FALSE(names_entity_tag(list, kTag, false)) << list;
    EXPECT_FALSE(names_entity_tag(list, kTag, true)) << list;
  }
}

TEST(S3Conditions, a_weak_tag_counts_where_it_may) {
  EXPECT_TRUE(names_entity_tag("W/\"ab\"", kTag, true));
  EXPECT_FALSE(names_entity_tag("W/\"ab\"", kTag, false));
  EXPECT_TRUE(names_entity_tag("W/\"ab\", \"ab\"", kTag, false));
}

TEST(S3Conditions, a_single_range_has_no_comma) {
  EXPECT_TRUE(is_single_range("bytes=0-1"));
  EXPECT_TRUE(is_single_range("bytes=-5"));
  EXPECT_FALSE(is_single_range("bytes=0-1,3-4"));
  EXPECT_FALSE(is_single_range("lines=0-1"));
  EXPECT_FALSE(is_single_range(""));
}

}  // namespace
}  // namespace media::nginx
