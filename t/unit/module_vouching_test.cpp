#include "ngx_media_module/cache/vouching.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace media::nginx {
namespace {

struct NoLock final : SharedLock {
  void lock() override {}
  void unlock() override {}
};

class VouchingTest : public testing::Test {
 protected:
  alignas(64) std::vector<std::byte> block_ = std::vector<std::byte>(SharedCache::kMinBytes);
  NoLock lock_;
  SharedCache cache_{block_, lock_};
};

TEST_F(VouchingTest, NothingIsBelievedBeforeSomebodyListens) {
  EXPECT_FALSE(is_vouched(cache_, 5000));
}

TEST_F(VouchingTest, TheFirstListenerInvalidatesWhatIsThere) {
  Vouching first(cache_);
  first.on_listening(5000);
  first.on_heard(5001, 5002);
  EXPECT_EQ(cache_.flushes(), 1u);
  EXPECT_TRUE(is_vouched(cache_, 5002));
  EXPECT_TRUE(is_vouched(cache_, 6000));
  EXPECT_FALSE(is_vouched(cache_, 6001));
}

TEST_F(VouchingTest, ASecondListenerTakesOverWithoutLoss) {
  Vouching first(cache_);
  first.on_listening(5000);
  first.on_heard(5001, 5002);
  Vouching second(cache_);
  second.on_listening(5100);
  second.on_heard(5110, 5111);
  EXPECT_FALSE(second.is_complete()) << "the first one's promise is older than this LISTEN";
  first.on_heard(5150, 5151);
  second.on_heard(5160, 5161);
  EXPECT_TRUE(second.is_complete());
  EXPECT_EQ(cache_.flushes(), 1u);
  EXPECT_EQ(cache_.vouched_at(), 5160u);
}

TEST_F(VouchingTest, AListenerWhoseElderFellSilentInvalidates) {
  Vouching first(cache_);
  first.on_listening(5000);
  first.on_heard(5001, 5002);
  Vouching second(cache_);
  second.on_listening(5100);
  second.on_heard(5900, 5901);
  EXPECT_FALSE(second.is_complete());
  second.on_heard(6001, 6002);
  EXPECT_TRUE(second.is_complete());
  EXPECT_EQ(cache_.flushes(), 2u);
}

TEST_F(VouchingTest, AListenerThatWasAwayBeginsAnew) {
  Vouching only(cache_);
  only.on_listening(5000);
  only.on_heard(5001, 5002);
  only.on_listening(7000);
  EXPECT_FALSE(only.is_complete());
  only.on_heard(7010, 7011);
  EXPECT_EQ(cache_.flushes(), 2u);
}

TEST_F(VouchingTest, PromisesNeverGoBack) {
  cache_.vouch(5000);
  cache_.vouch(4000);
  EXPECT_EQ(cache_.vouched_at(), 5000u);
}

}  // namespace
}  // namespace media::nginx
