#include "ngx_media_module/cache/shared_cache.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace media::nginx {
namespace {

class NoLock final : public SharedLock {
 public:
  void lock() override {
    ASSERT_FALSE(is_locked);
    is_locked = true;
  }
  void unlock() override { is_locked = false; }
  bool is_locked = false;
};

CacheKey key_of(std::uint64_t number, std::uint64_t policy = 0) {
  CacheKey key;
  std::memcpy(key.id.data(), &number, sizeof number);
  key.policy = policy;
  return key;
}

/// A block as nginx's shared memory is: aligned and zeroed.
class SharedCacheTest : public testing::Test {
 protected:
  explicit SharedCacheTest(std::size_t bytes = SharedCache::kMinBytes)
      : memory_(bytes / sizeof(Line)), cache_(block(), lock_) {}

  std::span<std::byte> block() {
    return {reinterpret_cast<std::byte*>(memory_.data()), memory_.size() * sizeof(Line)};
  }

  void put(CachePart part, std::uint64_t number, std::string_view text, std::uint64_t policy = 0) {
    const auto* const bytes = reinterpret_cast<const std::byte*>(text.data());
    cache_.insert(part, key_of(number, policy),
                  {cache_.ticket(tag(number)), 100, 200, {bytes, text.size()}});
  }

  std::string get(CachePart part, std::uint64_t number, std::uint64_t policy = 0) {
    const auto found = cache_.find(part, key_of(number, policy), buffer_);
    if (!found) return "<absent>";
    return {reinterpret_cast<const char*>(found->value.data()), found->value.size()};
  }

  static CacheTag tag(std::uint64_t number) { return cache_tag(key_of(number).id); }

  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> memory_;
  NoLock lock_;
  SharedCache cache_;
  std::array<std::byte, SharedCache::kMaxValueBytes> buffer_;
};

TEST_F(SharedCacheTest, an_answer_is_found_again_with_its_times) {
  put(CachePart::records, 1, "one");
  const auto found = cache_.find(CachePart::records, key_of(1), buffer_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->fresh_until, 100u);
  EXPECT_EQ(found->stale_until, 200u);
  EXPECT_EQ(get(CachePart::records, 1), "one");
  EXPECT_EQ(get(CachePart::records, 2), "<absent>");
}

TEST_F(SharedCacheTest, parts_and_policies_are_apart) {
  put(CachePart::records, 1, "record", 7);
  EXPECT_EQ(get(CachePart::records, 1, 7), "record");
  EXPECT_EQ(get(CachePart::records, 1, 8), "<absent>");
  EXPECT_EQ(get(CachePart::identities, 1, 7), "<absent>");
}

TEST_F(SharedCacheTest, a_later_answer_replaces_the_earlier) {
  put(CachePart::records, 1, "old");
  put(CachePart::records, 1, "newer");
  EXPECT_EQ(get(CachePart::records, 1), "newer");
}

TEST_F(SharedCacheTest, invalidating_a_tag_removes_what_depends_on_it) {
  put(CachePart::records, 1, "one");
  put(CachePart::records, 2, "two");
  cache_.invalidate(tag(1));
  EXPECT_EQ(get(CachePart::records, 1), "<absent>");
  EXPECT_EQ(get(CachePart::records, 2), "two");
  cache_.flush();
  EXPECT_EQ(get(CachePart::records, 2), "<absent>");
}

TEST_F(SharedCacheTest, an_answer_asked_for_before_an_invalidation_is_not_kept) {
  const CacheTicket before = cache_.ticket(tag(1));
  cache_.invalidate(tag(1));
  cache_.insert(CachePart::records, key_of(1), {before, 100, 200, {}});
  EXPECT_EQ(get(CachePart::records, 1), "<absent>");
  EXPECT_FALSE(cache_.is_current(before));
}

TEST_F(SharedCacheTest, a_second_tag_can_be_bound_when_the_answer_is_there) {
  CacheTicket ticket = cache_.ticket(tag(1));
  EXPECT_TRUE(cache_.bind(ticket, tag(2)));
  cache_.invalidate(tag(2));
  EXPECT_FALSE(cache_.is_current(ticket));
}

TEST_F(SharedCacheTest, a_second_tag_invalidated_since_the_question_is_not_bound) {
  CacheTicket ticket = cache_.ticket(tag(1));
  cache_.invalidate(tag(2));
  EXPECT_FALSE(cache_.bind(ticket, tag(2)));
}

TEST_F(SharedCacheTest, the_oldest_make_room_and_nothing_is_mixed_up) {
  constexpr std::uint64_t kCount = 20000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    put(CachePart::records, i, std::string(i % 700, 'a' + static_cast<char>(i % 26)));
  }
  std::size_t kept = 0;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const std::string text = get(CachePart::records, i);
    if (text == "<absent>") continue;
    ++kept;
    ASSERT_EQ(text, std::string(i % 700, 'a' + static_cast<char>(i % 26))) << i;
  }
  EXPECT_GT(kept, 1000u);
  EXPECT_EQ(get(CachePart::records, 0), "<absent>");
  EXPECT_NE(get(CachePart::records, kCount - 1), "<absent>");
}

/// docs/DIRECTIVES.md: 640 bytes of the zone for each media item.
class DocumentedSizeTest : public SharedCacheTest {
 protected:
  static constexpr std::uint64_t kCount = 50000;
  DocumentedSizeTest() : SharedCacheTest(kCount * 640) {}
};

TEST_F(DocumentedSizeTest, as_many_records_as_promised_are_kept) {
  const std::string usual(250, 'r');
  for (std::uint64_t i = 0; i < kCount; ++i) put(CachePart::records, i, usual);
  std::size_t kept = 0;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    if (get(CachePart::records, i) == usual) ++kept;
  }
  EXPECT_GE(kept, kCount * 99 / 100);
}

TEST_F(SharedCacheTest, a_flood_of_negatives_leaves_records_alone) {
  put(CachePart::records, 1, "one");
  for (std::uint64_t i = 0; i < 50000; ++i) put(CachePart::negatives, i, "");
  EXPECT_EQ(get(CachePart::records, 1), "one");
}

TEST_F(SharedCacheTest, too_large_a_value_is_not_kept) {
  put(CachePart::records, 1, std::string(SharedCache::kMaxValueBytes + 1, 'x'));
  EXPECT_EQ(get(CachePart::records, 1), "<absent>");
  put(CachePart::records, 1, std::string(SharedCache::kMaxValueBytes, 'x'));
  EXPECT_EQ(get(CachePart::records, 1).size(), SharedCache::kMaxValueBytes);
}

TEST_F(SharedCacheTest, a_second_view_of_the_block_sees_the_same) {
  put(CachePart::records, 1, "one");
  SharedCache other(block(), lock_);
  EXPECT_TRUE(other.find(CachePart::records, key_of(1), buffer_));
  other.invalidate(tag(1));
  EXPECT_EQ(get(CachePart::records, 1), "<absent>");
}

TEST_F(SharedCacheTest, a_damaged_block_is_read_without_leaving_it) {
  for (std::uint64_t i = 0; i < 3000; ++i) put(CachePart::records, i, std::string(i % 300, 'x'));
  // A fixed pseudo-random sequence: a failure can be repeated.
  std::uint64_t state = 1;
  const auto random = [&] {
    return state = state * 6364136223846793005u + 1442695040888963407u, state >> 16;
  };
  for (int damage = 0; damage < 20000; ++damage) {
    // Behind the header: it tells a cache from foreign memory.
    const std::size_t at = 81920 + random() % (block().size() - 81920);
    block()[at] = static_cast<std::byte>(random());
    get(CachePart::records, random() % 3000);
    put(CachePart::records, random() % 3000, "new");
  }
}

}  // namespace
}  // namespace media::nginx
