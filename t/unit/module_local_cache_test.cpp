#include "ngx_media_module/cache/local_cache.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace media::nginx {
namespace {

class NoLock final : public SharedLock {
 public:
  void lock() override {}
  void unlock() override {}
};

struct alignas(64) Line {
  std::byte bytes[64];
};

class LocalCacheTest : public testing::Test {
 protected:
  static CacheKey key_of(std::uint8_t number) {
    CacheKey key;
    key.id[0] = number;
    return key;
  }
  static CacheTag tag(std::uint8_t number) { return cache_tag(key_of(number).id); }

  void put(std::uint8_t number, const std::string& text) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
    local_.insert(CachePart::records, key_of(number),
                  {shared_.ticket(tag(number)), 100, 200, {bytes, text.size()}});
  }

  std::vector<Line> memory_{SharedCache::kMinBytes / sizeof(Line)};
  NoLock lock_;
  SharedCache shared_{{reinterpret_cast<std::byte*>(memory_.data()), SharedCache::kMinBytes},
                      lock_};
  LocalCache local_{shared_};
};

TEST_F(LocalCacheTest, an_answer_is_kept_with_its_own_copy_of_the_value) {
  std::string text = "value";
  put(1, text);
  text = "other";
  const auto found = local_.find(CachePart::records, key_of(1));
  ASSERT_TRUE(found);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(found->value.data()), found->value.size()),
            "value");
  EXPECT_FALSE(local_.find(CachePart::identities, key_of(1)));
  EXPECT_FALSE(local_.find(CachePart::records, key_of(2)));
}

TEST_F(LocalCacheTest, an_invalidation_in_shared_memory_is_seen_at_once) {
  put(1, "value");
  shared_.invalidate(tag(1));
  EXPECT_FALSE(local_.find(CachePart::records, key_of(1)));
  put(1, "value");
  EXPECT_TRUE(local_.find(CachePart::records, key_of(1)));
  shared_.flush();
  EXPECT_FALSE(local_.find(CachePart::records, key_of(1)));
}

TEST_F(LocalCacheTest, large_values_are_left_to_the_shared_cache) {
  put(1, std::string(LocalCache::kMaxValueBytes + 1, 'x'));
  EXPECT_FALSE(local_.find(CachePart::records, key_of(1)));
}

}  // namespace
}  // namespace media::nginx
