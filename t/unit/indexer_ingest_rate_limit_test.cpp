#include "indexer/ingest/rate_limit.hpp"

#include <gtest/gtest.h>

namespace media::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const RateLimit::TimePoint kStart{std::chrono::hours(1)};

int admitted(RateLimit& limit, const std::string& account, int count, RateLimit::TimePoint now) {
  int total = 0;
  for (int i = 0; i < count; ++i) total += limit.take(account, now).is_admitted ? 1 : 0;
  return total;
}

TEST(RateLimit, admits_a_burst_then_as_many_as_come_anew) {
  RateLimit limit({10, 30});
  EXPECT_EQ(admitted(limit, "a", 100, kStart), 30);
  EXPECT_EQ(admitted(limit, "a", 100, kStart + milliseconds(50)), 0);
  EXPECT_EQ(admitted(limit, "a", 100, kStart + milliseconds(500)), 5);
  EXPECT_EQ(admitted(limit, "a", 100, kStart + seconds(100)), 30);
}

TEST(RateLimit, accounts_do_not_share) {
  RateLimit limit({10, 30});
  EXPECT_EQ(admitted(limit, "a", 100, kStart), 30);
  EXPECT_EQ(admitted(limit, "b", 30, kStart), 30);
}

TEST(RateLimit, none_is_no_limit) {
  RateLimit limit({0, 1});
  EXPECT_EQ(admitted(limit, "a", 1000, kStart), 1000);
  EXPECT_EQ(limit.buckets(), 0u);
}

TEST(RateLimit, a_flood_is_told_now_and_then_with_its_size) {
  RateLimit limit({1, 1});
  EXPECT_EQ(limit.take("a", kStart).tell_refused, 0);
  EXPECT_EQ(limit.take("a", kStart).tell_refused, 1);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(limit.take("a", kStart).tell_refused, 0);
  EXPECT_TRUE(limit.take("a", kStart + seconds(10)).is_admitted);
  EXPECT_EQ(limit.take("a", kStart + seconds(10)).tell_refused, 9);
}

TEST(RateLimit, accounts_that_are_quiet_are_forgotten) {
  RateLimit limit({10, 10});
  for (int i = 0; i < 10000; ++i) {
    limit.take(std::to_string(i), kStart + milliseconds(100 * i));
  }
  EXPECT_LE(limit.buckets(), 64u);
  // Whoever has used up his budget is not one of them.
  RateLimit::TimePoint now = kStart + seconds(2000);
  EXPECT_EQ(admitted(limit, "a", 100, now), 10);
  for (int i = 0; i < 1000; ++i) limit.take("x" + std::to_string(i), now);
  EXPECT_EQ(admitted(limit, "a", 100, now), 0);
}

}  // namespace
}  // namespace media::ingest
