#include <gtest/gtest.h>
#include <jansson.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "indexer/json_string.hpp"
#include "indexer/log.hpp"

namespace media {
namespace {

using JsonPtr = std::unique_ptr<json_t, decltype([](json_t* json) { json_decref(json); })>;

template <class Write>
std::string captured(Write write) {
  testing::internal::CaptureStderr();
  write();
  return testing::internal::GetCapturedStderr();
}

JsonPtr parse(const std::string& line) {
  return JsonPtr(json_loads(line.c_str(), JSON_REJECT_DUPLICATES, nullptr));
}

std::string text_of(const JsonPtr& object, const char* name) {
  const char* text = json_string_value(json_object_get(object.get(), name));
  return text ? text : "";
}

TEST(Log, a_line_is_one_json_object_with_time_level_event_and_fields) {
  const std::string line = captured([] {
    log::warn("job_failed", {{"reason", "network"},
                             {"attempts", std::int64_t{3}},
                             {"seconds", 0.25},
                             {"will_retry", true}});
  });
  ASSERT_TRUE(line.ends_with("}\n")) << line;
  ASSERT_EQ(line.find('\n'), line.size() - 1);
  const JsonPtr object = parse(line);
  ASSERT_TRUE(object) << line;
  EXPECT_EQ(text_of(object, "level"), "warn");
  EXPECT_EQ(text_of(object, "event"), "job_failed");
  EXPECT_EQ(text_of(object, "reason"), "network");
  EXPECT_EQ(json_integer_value(json_object_get(object.get(), "attempts")), 3);
  EXPECT_DOUBLE_EQ(json_real_value(json_object_get(object.get(), "seconds")), 0.25);
  EXPECT_TRUE(json_is_true(json_object_get(object.get(), "will_retry")));
  const std::string time = text_of(object, "ts");
  ASSERT_EQ(time.size(), std::string("2026-01-02T03:04:05.678Z").size()) << time;
  EXPECT_EQ(time[10], 'T');
  EXPECT_EQ(time[19], '.');
  EXPECT_EQ(time.back(), 'Z');
}

TEST(Log, hostile_text_cannot_break_out_of_its_field) {
  const std::string hostile = std::string("a\"b\\c\nd\te\x01\x7f", 11) +
                              "\xC3\xBC\xF0\x9F\x93\xB7" + "\xFF\xC0\xAF" + "\",\"level\":\"info";
  const std::string line = captured([&] { log::error("webhook", {{"name", hostile}}); });
  const JsonPtr object = parse(line);
  ASSERT_TRUE(object) << line;
  EXPECT_EQ(text_of(object, "level"), "error");
  EXPECT_EQ(text_of(object, "name"),
            std::string("a\"b\\c\nd\te\x01\x7f", 11) + "\xC3\xBC\xF0\x9F\x93\xB7" +
                "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" + "\",\"level\":\"info");
}

TEST(Log, numbers_that_json_cannot_say_become_null) {
  const std::string line = captured([] {
    log::info("rates", {{"nan", std::nan("")}, {"inf", std::numeric_limits<double>::infinity()}});
  });
  const JsonPtr object = parse(line);
  ASSERT_TRUE(object) << line;
  EXPECT_TRUE(json_is_null(json_object_get(object.get(), "nan")));
  EXPECT_TRUE(json_is_null(json_object_get(object.get(), "inf")));
}

TEST(Log, lines_below_the_level_are_dropped) {
  EXPECT_EQ(captured([] { log::debug("detail"); }), "");
  log::set_level(log::Level::error);
  EXPECT_EQ(captured([] { log::warn("warning"); }), "");
  EXPECT_NE(captured([] { log::error("failure"); }), "");
  log::set_level(log::Level::debug);
  EXPECT_NE(captured([] { log::debug("detail"); }), "");
  log::set_level(log::Level::info);
}

TEST(JsonString, a_nul_byte_is_escaped) {
  std::string json;
  append_json_string(json, std::string_view("a\0b", 3));
  EXPECT_EQ(json, "\"a\\u0000b\"");
}

}  // namespace
}  // namespace media
