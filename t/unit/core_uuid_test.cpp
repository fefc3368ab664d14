#include "core/uuid.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

TEST(Uuid, text_form_round_trips_in_lower_case) {
  const auto uuid = Uuid::parse("0190A5D2-7C3E-7ABC-8DEF-0123456789AB");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->to_string(), "0190a5d2-7c3e-7abc-8def-0123456789ab");
}

TEST(Uuid, other_forms_are_refused) {
  for (const std::string_view text :
       {"", "0190a5d27c3e7abc8def0123456789ab", "{0190a5d2-7c3e-7abc-8def-0123456789ab}",
        "0190a5d2-7c3e-7abc-8def-0123456789ag", "0190a5d2-7c3e-7abc-8def-0123456789a",
        "0190a5d2-7c3e-7abc-8def-0123456789abc", "0190a5d2a7c3e-7abc-8def-0123456789ab",
        "------------------------------------"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(Uuid, version_7_carries_its_time_and_sorts_by_it) {
  const Uuid early = Uuid::v7(0x0190a5d27c3e);
  const Uuid late = Uuid::v7(0x0190a5d27c3f);
  EXPECT_EQ(early.to_string().substr(0, 15), "0190a5d2-7c3e-7");
  EXPECT_LT(early.to_string(), late.to_string());
  EXPECT_EQ(early.bytes[8] & 0xC0, 0x80);
  EXPECT_NE(early, Uuid::v7(0x0190a5d27c3e));
}

}  // namespace
}  // namespace media
