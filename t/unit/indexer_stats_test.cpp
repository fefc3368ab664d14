#include "indexer/stats.hpp"

#include <gtest/gtest.h>

namespace media {
namespace {

constexpr std::int64_t kNow = 1795250000;  // 2026-11-21T08:33:20Z

std::string period(std::string_view from, std::string_view to) {
  const auto parsed = parse_period(from, to, kNow);
  return parsed ? parsed->from + " " + parsed->to : parsed.error().message;
}

TEST(Period, is_the_last_thirty_days_unless_told) {
  EXPECT_EQ(period("", ""), "2026-10-23 2026-11-21");
  EXPECT_EQ(period("", "2024-03-01"), "2024-02-01 2024-03-01");
  EXPECT_EQ(period("2026-11-20", ""), "2026-11-20 2026-11-21");
  EXPECT_EQ(period("2024-02-29", "2024-02-29"), "2024-02-29 2024-02-29");
}

TEST(Period, needs_days_that_exist) {
  for (const char* text :
       {"2023-02-29", "2026-13-01", "2026-00-10", "2026-1-1", "20260101", "x", "2026-01-01T00:00",
        "2026/01/01", "+026-01-01", "1969-12-31", "0000-00-00"}) {
    EXPECT_EQ(period(text, ""), "from must be a day like 2026-11-21") << text;
    EXPECT_EQ(period("", text), "to must be a day like 2026-11-21") << text;
  }
}

TEST(Period, is_neither_backward_nor_endless) {
  EXPECT_EQ(period("2026-11-22", ""), "from must not be after to");
  EXPECT_EQ(period("2025-10-18", ""), "2025-10-18 2026-11-21");
  EXPECT_EQ(period("2025-10-17", ""), "a period has 400 days at most");
}

}  // namespace
}  // namespace media
