#include <gtest/gtest.h>

#include "core/token_object.hpp"

namespace media {
namespace {

std::string nested(int depth) {
  return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

std::string with_members(std::size_t count) {
  std::string text = "{";
  for (std::size_t i = 0; i < count; ++i) {
    text += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  }
  return text + "}";
}

TEST(TokenObject, gives_members_by_name_and_type) {
  const auto object =
      TokenObject::parse(R"( {"sub":"a","exp":1.5e3,"nbf":-2,"aud":["x","y"],"no":null} )");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->text("sub"), "a");
  EXPECT_EQ(object->number("exp"), 1500);
  EXPECT_EQ(object->number("nbf"), -2);
  EXPECT_EQ(object->texts("aud"), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(object->texts("sub"), std::vector<std::string>{"a"});
  EXPECT_TRUE(object->has("no"));
  EXPECT_FALSE(object->has("absent"));
}

TEST(TokenObject, gives_nothing_for_another_type) {
  const auto object =
      TokenObject::parse(R"({"t":"1","n":1,"mixed":["a",1],"o":{"t":"x"},"b":true})");
  ASSERT_TRUE(object);
  EXPECT_FALSE(object->number("t"));
  EXPECT_FALSE(object->text("n"));
  EXPECT_FALSE(object->texts("n"));
  EXPECT_FALSE(object->texts("mixed"));
  EXPECT_FALSE(object->text("o"));
  EXPECT_FALSE(object->texts("o"));
  EXPECT_FALSE(object->number("b"));
  EXPECT_FALSE(object->text("absent"));
}

TEST(TokenObject, reads_escapes_in_names_and_texts) {
  const auto object = TokenObject::parse(
      R"({"s\u0075b":"\"\\\/\b\f\n\r\t\u00e9\u20ac\ud83d\ude00","a":["\u0041"]})");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->text("sub"), "\"\\/\b\f\n\r\t\u00e9\u20ac\U0001F600");
  EXPECT_EQ(object->texts("a"), std::vector<std::string>{"A"});
}

TEST(TokenObject, survives_being_moved) {
  auto parsed = TokenObject::parse(R"({"a":"\u0062"})");
  ASSERT_TRUE(parsed);
  const TokenObject moved = std::move(*parsed);
  EXPECT_EQ(moved.text("a"), "b");
}

TEST(TokenObject, a_member_may_be_there_only_once) {
  EXPECT_FALSE(TokenObject::parse(R"({"sub":"a","sub":"b"})"));
  EXPECT_FALSE(TokenObject::parse(R"({"sub":"a","s\u0075b":"b"})"));
}

TEST(TokenObject, has_limits) {
  EXPECT_TRUE(TokenObject::parse(with_members(TokenObject::kMaxMembers)));
  EXPECT_FALSE(TokenObject::parse(with_members(TokenObject::kMaxMembers + 1)));
  EXPECT_TRUE(TokenObject::parse(nested(TokenObject::kMaxDepth)));
  EXPECT_FALSE(TokenObject::parse(nested(TokenObject::kMaxDepth + 1)));
  EXPECT_FALSE(TokenObject::parse(nested(4000)));
  EXPECT_FALSE(TokenObject::parse(R"({"a":)" + std::string(4000, '[')));
}

class MalformedTokenObject : public testing::TestWithParam<std::string_view> {};

TEST_P(MalformedTokenObject, is_refused) { EXPECT_FALSE(TokenObject::parse(GetParam())); }

INSTANTIATE_TEST_SUITE_P(
    All, MalformedTokenObject,
    testing::Values("", " ", "[]", "1", "null", "{", "}", "{}}", "{} {}", "{,}", R"({"a"})",
                    R"({"a":})", R"({"a":1,})", R"({a:1})", R"({'a':1})", R"({"a":1 "b":2})",
                    R"({"a":[1,]})", R"({"a":[1 2]})", R"({"a":{"b"}})", R"({"a":{"b":1,}})",
                    R"({"a":tru})", R"({"a":NaN})", R"({"a":01})", R"({"a":-})", R"({"a":+1})",
                    R"({"a":.5})", R"({"a":1.})", R"({"a":1e})", R"({"a":1e+})", R"({"a":0x1})",
                    R"({"a":1e999})", R"({"a":"b)", R"({"a":"\x"})", R"({"a":"\u12"})",
                    R"({"a":"\u12g4"})", R"({"a":"\u0000"})", R"({"a":"\ud800"})",
                    R"({"a":"\ud800\u0041"})", R"({"a":"\udc00"})", "{\"a\":\"\n\"}",
                    "{\"a\":\"\xC3\"}", "{\"a\":\"\xED\xA0\x80\"}", "{\"a\":\"\xC0\x80\"}",
                    "{\"\xFF\":1}", "\xEF\xBB\xBF{}", std::string_view("{\"a\":\"\0\"}", 9),
                    std::string_view("{}\0", 3)));

TEST(TokenObject, a_number_too_small_for_a_double_is_zero) {
  const auto object = TokenObject::parse(R"({"a":1e-999})");
  ASSERT_TRUE(object);
  EXPECT_EQ(object->number("a"), 0);
}

}  // namespace
}  // namespace media
