#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "ngx_media_module/identity/watched_file.hpp"

namespace media::nginx {
namespace {

class WatchedFileTest : public testing::Test {
 protected:
  ~WatchedFileTest() override { std::filesystem::remove_all(directory_); }

  static std::filesystem::path make_directory() {
    std::string name = testing::TempDir() + "watched_XXXXXX";
    return ::mkdtemp(name.data());
  }
  std::string path() const { return directory_ / "key"; }
  /// As careful tools do it: a new file takes the old one's place.
  void replace(const std::string& content) {
    std::ofstream(directory_ / "new") << content;
    std::filesystem::rename(directory_ / "new", path());
  }

  std::filesystem::path directory_ = make_directory();
  std::string used_;
  WatchedFile file_{path(), [this](ByteView content) -> Result<void> {
                      if (as_text(content) == "broken") {
                        return fail(ErrorCode::invalid_argument, "is broken");
                      }
                      used_ = as_text(content);
                      return {};
                    }};
};

TEST_F(WatchedFileTest, is_read_again_when_it_changed_and_only_then) {
  replace("one");
  ASSERT_TRUE(file_.read());
  EXPECT_EQ(used_, "one");
  EXPECT_EQ(file_.refresh().value(), false);
  replace("two");
  EXPECT_EQ(file_.refresh().value(), true);
  EXPECT_EQ(used_, "two");
}

TEST_F(WatchedFileTest, a_broken_one_leaves_the_last_good_one_and_is_told_once) {
  replace("one");
  ASSERT_TRUE(file_.read());
  replace("broken");
  const auto refreshed = file_.refresh();
  ASSERT_FALSE(refreshed);
  EXPECT_NE(refreshed.error().message.find(path()), std::string::npos);
  EXPECT_EQ(used_, "one");
  EXPECT_EQ(file_.refresh().value(), false);
  replace("three");
  EXPECT_EQ(file_.refresh().value(), true);
}

TEST_F(WatchedFileTest, one_that_vanishes_and_comes_back_is_read) {
  replace("one");
  ASSERT_TRUE(file_.read());
  std::filesystem::remove(path());
  EXPECT_FALSE(file_.refresh());
  EXPECT_EQ(file_.refresh().value(), false);
  replace("back");
  EXPECT_EQ(file_.refresh().value(), true);
  EXPECT_EQ(used_, "back");
}

TEST_F(WatchedFileTest, a_missing_one_can_not_be_read) { EXPECT_FALSE(file_.read()); }

}  // namespace
}  // namespace media::nginx
