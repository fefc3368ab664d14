#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "ngx_media_module/key_file.hpp"

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

TEST_F(KeyFile, gives_the_bytes_without_white_space_at_the_end) {
  const auto key = read_key_file(write(" key with spaces \r\n\t\n"), 4);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(as_text(*key), " key with spaces");
}

TEST_F(KeyFile, refuses_a_short_key_and_says_how_long_it_is) {
  const auto key = read_key_file(write(std::string(31, 'x') + "\n"), 32);
  ASSERT_FALSE(key.has_value());
  EXPECT_NE(key.error().message.find("test.key"), std::string::npos);
  EXPECT_NE(key.error().message.find("31"), std::string::npos);
  EXPECT_EQ(key.error().message.find("xxx"), std::string::npos);
}

TEST_F(KeyFile, refuses_what_is_no_file) {
  EXPECT_FALSE(read_key_file(path(), 1).has_value());
  EXPECT_FALSE(read_key_file(directory_, 1).has_value());
  EXPECT_FALSE(read_key_file(write(""), 1).has_value());
}

}  // namespace
}  // namespace media::nginx
