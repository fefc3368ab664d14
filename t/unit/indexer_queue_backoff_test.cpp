#include "indexer/queue/backoff.hpp"

#include <gtest/gtest.h>

namespace media::queue {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, grows_exponentially_with_full_jitter_up_to_the_maximum) {
  const BackoffPolicy policy{milliseconds(1000), milliseconds(300000)};
  EXPECT_EQ(backoff_delay(policy, 1, 0.5), milliseconds(500));
  EXPECT_EQ(backoff_delay(policy, 2, 0.5), milliseconds(1000));
  EXPECT_EQ(backoff_delay(policy, 5, 0.5), milliseconds(8000));
  EXPECT_EQ(backoff_delay(policy, 40, 0.5), milliseconds(150000));
  EXPECT_EQ(backoff_delay(policy, 7, 0.0), milliseconds(0));
  EXPECT_EQ(backoff_delay(policy, 0, 0.5), milliseconds(500));
}

TEST(Backoff, never_passes_the_deadline) {
  EXPECT_EQ(within_deadline(seconds(10), 1000, 0), seconds(10));
  EXPECT_EQ(within_deadline(seconds(10), 1000, 5000), seconds(10));
  EXPECT_EQ(within_deadline(seconds(1000), 1000, 1500), seconds(440));
  EXPECT_EQ(within_deadline(seconds(1000), 1000, 1040), seconds(20));
  EXPECT_EQ(within_deadline(seconds(5), 1000, 1040), seconds(5));
  EXPECT_FALSE(within_deadline(seconds(1), 1000, 1000));
  EXPECT_FALSE(within_deadline(seconds(1), 1000, 999));
}

TEST(RetryAfter, is_seconds_or_a_date) {
  EXPECT_EQ(parse_retry_after("120", 0), seconds(120));
  EXPECT_EQ(parse_retry_after("0", 0), seconds(0));
  EXPECT_EQ(parse_retry_after("Sat, 21 Nov 2026 08:34:20 GMT", 1795250000), seconds(60));
  EXPECT_EQ(parse_retry_after("Sat, 21 Nov 2026 08:30:00 GMT", 1795250000), seconds(0));
  EXPECT_EQ(parse_retry_after("999999999", 0), seconds(86400));
  for (const char* text : {"", "soon", "1.5", "-", "12x", "Sat, 21 Nov"}) {
    EXPECT_FALSE(parse_retry_after(text, 0)) << text;
  }
}

}  // namespace
}  // namespace media::queue
