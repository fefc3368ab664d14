#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "ngx_media_module/identity/key_file.hpp"

namespace media::nginx {
namespace {

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    std::string name = testing::TempDir() + "key_file_XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~KeyFile() override { std::filesystem::remove_all(directory_); }

  std::string write(const std::string& content) {
    std::ofstream(path()) << content;
    return path();
  }
  std::string path() const { return directory_ / "test.key"; }

  std::filesystem::path directory_;
};

TEST_F(KeyFile, gives_the_bytes) {
  const auto content = read_file(write(" key\n"), 100);
  ASSERT_TRUE(content.has_value());
  EXPECT_EQ(as_text(*content), " key\n");
}

TEST_F(KeyFile, refuses_what_is_no_file_or_too_large) {
  EXPECT_FALSE(read_file(path(), 100).has_value());
  EXPECT_FALSE(read_file(directory_, 100).has_value());
  const auto large = read_file(write(std::string(101, 'x')), 100);
  ASSERT_FALSE(large.has_value());
  EXPECT_NE(large.error().message.find("test.key"), std::string::npos);
}

TEST(SecretOf, does_without_white_space_at_the_end) {
  const auto secret = secret_of(as_bytes(" key with spaces \r\n\t\n"), 4);
  ASSERT_TRUE(secret.has_value());
  EXPECT_EQ(as_text(*secret), " key with spaces");
}

TEST(SecretOf, refuses_a_short_one_and_says_how_long_it_is) {
  const auto secret = secret_of(as_bytes(std::string(31, 'x') + "\n"), 32);
  ASSERT_FALSE(secret.has_value());
  EXPECT_NE(secret.error().message.find("31"), std::string::npos);
  EXPECT_EQ(secret.error().message.find("xxx"), std::string::npos);
}

}  // namespace
}  // namespace media::nginx
