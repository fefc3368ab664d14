#include "ngx_media_module/lookup/row.hpp"

#include <gtest/gtest.h>

#include "ngx_media_module/lookup/session_row.hpp"
#include "ngx_media_module/lookup/statement.hpp"

namespace media::nginx {
namespace {

using namespace std::string_literals;

constexpr std::uint32_t kText = 25, kBigint = 20, kTextArray = 1009, kTimestampTz = 1184,
                        kUuidArray = 2951, kBool = 16;

/// A text[] as PostgreSQL sends it.
std::string text_array(const std::vector<std::string>& values, std::uint8_t type = kText) {
  const auto number = [](std::size_t value) {
    return std::string{static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                       static_cast<char>(value >> 8), static_cast<char>(value)};
  };
  if (values.empty()) return number(0) + number(0) + number(type);
  std::string bytes = number(1) + number(0) + number(type) + number(values.size()) + number(1);
  for (const auto& value : values) bytes += number(value.size()) + value;
  return bytes;
}

TEST(Row, arrays_give_their_elements) {
  EXPECT_EQ(ids_of({"c", kTextArray, text_array({"a", "b"})}), (std::vector{"a"s, "b"s}));
  EXPECT_EQ(ids_of({"c", kTextArray, text_array({})}), std::vector<std::string>{});
  EXPECT_EQ(ids_of({"c", kText, "single"}), std::vector{"single"s});
}

TEST(Row, cut_arrays_give_nothing) {
  const std::string whole = text_array({"abc", "defg"});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(ids_of({"c", kTextArray, std::string_view(whole).substr(0, size)})) << size;
  }
}

TEST(Row, an_array_with_a_null_in_it_gives_nothing) {
  std::string bytes = text_array({"ab"});
  bytes.replace(bytes.size() - 6, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(ids_of({"c", kTextArray, bytes}));
}

TEST(Row, times_are_unix_seconds) {
  // 2026-11-21 00:00:00+00
  EXPECT_EQ(unix_seconds_of({"e", kTimestampTz, "\x00\x03\x03\xbc\xcf\x7d\xe0\x00"s}), 1795219200);
  EXPECT_EQ(unix_seconds_of({"e", kBigint, "\0\0\0\0\x6b\x00\x00\x00"s}), 0x6b000000);
  EXPECT_FALSE(unix_seconds_of({"e", kText, "tomorrow"}));
}

TEST(ParseSession, reads_the_documented_columns) {
  const std::string companies = text_array({"C1", "c2"});
  const std::vector<Column> columns = {
      {"role", kText, "agent"},
      {"companies", kTextArray, companies},
      {"user_id", kBigint, std::string_view("\0\0\0\0\0\0\0\x2a", 8)}};
  const auto session = parse_session(Row(columns));
  ASSERT_TRUE(session) << session.error().message;
  EXPECT_EQ(session->user, "42");
  EXPECT_EQ(session->companies, (std::vector{"C1"s, "c2"s}));
  EXPECT_EQ(session->role, "agent");
  EXPECT_GT(session->expires_at, 4'000'000'000);
}

TEST(ParseSession, refuses_rows_that_name_nobody_or_could_split_headers) {
  const std::string companies = text_array({"c"}), none = text_array({}),
                    comma = text_array({"a,b"});
  const auto refuses = [](Column user, Column companies) {
    const std::vector<Column> columns = {user, companies};
    return !parse_session(Row(columns));
  };
  EXPECT_FALSE(refuses({"user_id", kText, "u"}, {"companies", kTextArray, companies}));
  EXPECT_TRUE(refuses({"user_id", kText, ""}, {"companies", kTextArray, companies}));
  EXPECT_TRUE(refuses({"user_id", kText, {}, true}, {"companies", kTextArray, companies}));
  EXPECT_TRUE(refuses({"user_id", kText, "u\r\nX: y"}, {"companies", kTextArray, companies}));
  EXPECT_TRUE(refuses({"user_id", kText, "u"}, {"companies", kTextArray, none}));
  EXPECT_TRUE(refuses({"user_id", kText, "u"}, {"companies", kTextArray, comma}));
  EXPECT_TRUE(refuses({"user_id", kText, "u"}, {"company", kText, "c"}));
}

TEST(CountParameters, knows_what_a_query_uses) {
  EXPECT_EQ(count_parameters("SELECT 1 WHERE id = $1"), 1);
  EXPECT_EQ(count_parameters("SELECT $2, $1"), 2);
  EXPECT_FALSE(count_parameters("SELECT 1"));
  EXPECT_FALSE(count_parameters("SELECT $3"));
  EXPECT_FALSE(count_parameters("SELECT $10"));
}

}  // namespace
}  // namespace media::nginx
