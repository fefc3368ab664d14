#include "core/storage_key.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

StorageKeyFields fields() {
  StorageKeyFields fields;
  fields.company = "c0ffee";
  fields.account = "109876543210987";
  fields.message = "wamid.HBgM+/=";
  fields.phone = "+447700900123";
  fields.category = "messages";
  fields.name = "../../etc/passwd";
  fields.ext = "jpg";
  fields.index = 2;
  fields.unix_time = 1795250000;  // 2026-11-21T08:33:20Z
  return fields;
}

TEST(StorageKey, default_template_groups_by_account_and_month) {
  EXPECT_EQ(*expand_storage_key(kDefaultKeyTemplate, fields()),
            "c0ffee/109876543210987/2026/11/wamid.HBgM___-2.jpg");
}

TEST(StorageKey, date_phone_category_layout_is_expressible) {
  EXPECT_EQ(
      *expand_storage_key("{yyyy}/{mm}/{dd}/{phone}/{category}/{unixtime}_{name}.{ext}", fields()),
      "2026/11/21/_447700900123/messages/1795250000__._.._etc_passwd.jpg");
}

TEST(StorageKey, template_mistakes_are_named) {
  EXPECT_EQ(expand_storage_key("{year}/x", fields()).error().message,
            "unknown field {year} in key template \"{year}/x\"");
  for (const std::string_view bad :
       {"{message", "message}", "/{message}", "a//{message}", "../{message}", "", "{message}/"}) {
    EXPECT_FALSE(expand_storage_key(bad, fields())) << bad;
  }
}

TEST(StorageKey, user_text_never_adds_a_segment_or_hides_a_file) {
  for (const std::string_view text :
       {"../x", "a/b", "..", ".", "", "a\\b", "\0x", "日本", ".ssh"}) {
    const std::string segment = safe_segment(text);
    EXPECT_TRUE(is_valid_storage_key(segment)) << text;
    EXPECT_EQ(segment.find('/'), std::string::npos);
    EXPECT_NE(segment.front(), '.');
  }
  EXPECT_EQ(safe_segment(std::string(500, 'x')).size(), 160u);
}

TEST(StorageKey, a_taken_key_gets_a_number_before_its_extension) {
  EXPECT_EQ(numbered_storage_key("a/b.jpg", 2), "a/b-2.jpg");
  EXPECT_EQ(numbered_storage_key("a.d/b", 2), "a.d/b-2");
  EXPECT_EQ(numbered_storage_key(".b", 3), ".b-3");
}

TEST(StorageKey, keys_that_leave_the_root_are_invalid) {
  for (const std::string_view key :
       {"", "/a", "a/", "a//b", "a/../b", "..", "./a", "a/.", "a\nb", "a\\b", "a\x7F"}) {
    EXPECT_FALSE(is_valid_storage_key(key)) << key;
  }
  EXPECT_FALSE(is_valid_storage_key(std::string(256, 'x')));
  EXPECT_FALSE(is_valid_storage_key(std::string_view("a\0b", 3)));
  EXPECT_TRUE(is_valid_storage_key("a/b..c/日本.jpg"));
}

}  // namespace
}  // namespace media
