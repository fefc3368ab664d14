#include <gtest/gtest.h>

#include "ngx_media_module/log_throttle.hpp"

namespace media::nginx {
namespace {

TEST(LogThrottle, passes_one_message_a_second_and_counts_the_others) {
  LogThrottle throttle;
  EXPECT_EQ(throttle.pass(5000), 0U);
  EXPECT_EQ(throttle.pass(5001), std::nullopt);
  EXPECT_EQ(throttle.pass(5999), std::nullopt);
  EXPECT_EQ(throttle.pass(6000), 2U);
  EXPECT_EQ(throttle.pass(7000), 0U);
}

TEST(ReconnectDelay, grows_up_to_a_second) {
  EXPECT_EQ(reconnect_delay_milliseconds(0, 0), 25U);
  EXPECT_EQ(reconnect_delay_milliseconds(1, 0), 50U);
  EXPECT_EQ(reconnect_delay_milliseconds(1000, 0), 500U);
}

TEST(ReconnectDelay, is_spread_over_the_upper_half) {
  for (std::uint32_t random = 0; random < 10000; random += 7) {
    const auto delay = reconnect_delay_milliseconds(1000, random);
    EXPECT_GE(delay, 500U);
    EXPECT_LE(delay, 1000U);
  }
}

}  // namespace
}  // namespace media::nginx
