#include "ngx_media_module/identity/digest_memo.hpp"

#include <string>

#include <gtest/gtest.h>

namespace media::nginx {
namespace {

TEST(DigestMemo, gives_the_digest_of_known_and_new_texts_of_every_size) {
  DigestMemo memo;
  for (std::size_t size = 0; size <= DigestMemo::kMaxTextBytes + 9; ++size) {
    const std::string text(size, 'a');
    EXPECT_EQ(memo.sha256_of(text), sha256(as_bytes(text))) << size;
    EXPECT_EQ(memo.sha256_of(text), sha256(as_bytes(text))) << size;
  }
}

TEST(DigestMemo, tells_texts_apart_that_differ_in_one_byte_or_in_length) {
  DigestMemo memo;
  const std::string text(61, 'a');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'b';
    EXPECT_EQ(memo.sha256_of(text), sha256(as_bytes(text)));
    EXPECT_EQ(memo.sha256_of(other), sha256(as_bytes(other))) << i;
  }
  const std::string longer = text + std::string(1, '\0');
  EXPECT_EQ(memo.sha256_of(longer), sha256(as_bytes(longer)));
}

TEST(DigestMemo, more_texts_than_it_holds_are_all_right) {
  DigestMemo memo;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 4 * DigestMemo::kSlots; ++i) {
      const std::string text = "token " + std::to_string(i);
      EXPECT_EQ(memo.sha256_of(text), sha256(as_bytes(text)));
    }
  }
}

}  // namespace
}  // namespace media::nginx
