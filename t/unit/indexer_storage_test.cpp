#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <utime.h>

#include <csignal>
#include <fstream>
#include <set>
#include <sstream>

#include <boost/asio/steady_timer.hpp>

#include "indexer/storage/local_store.hpp"
#include "t/unit/indexer_fixture.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

mode_t mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

/// Everything below a directory, the store's marker excepted.
std::set<std::string> entries(const std::filesystem::path& root) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (name != kRootMarker) names.insert(name);
  }
  return names;
}

std::string read_all(yield_context yield, BlobStore& blobs, std::string_view key) {
  std::string text;
  const auto read = blobs.retrieve(yield, key, [&](ByteView piece) -> Result<void> {
    text += as_text(piece);
    return {};
  });
  EXPECT_TRUE(read) << read.error().message;
  return text;
}

std::set<std::string> listed(yield_context yield, BlobStore& blobs, std::string_view prefix) {
  std::set<std::string> keys;
  const auto done = blobs.list(yield, prefix, [&](const ObjectInfo& object) -> Result<void> {
    EXPECT_TRUE(keys.insert(object.key).second) << object.key;
    EXPECT_EQ(object.size, object.key.size());  // what the tests store
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  return keys;
}

/// Both ways to write: unnamed (O_TMPFILE) and named temporary files.
class LocalStore : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override { ASSERT_TRUE(mark_store_root(root_)); }

  std::unique_ptr<BlobStore> open() { return make_local_store(root_, workers_); }
  std::unique_ptr<Staging> stage() { return make_local_staging(root_, workers_, {GetParam()}); }

  Result<Published> store(BlobStore& blobs, std::string_view key, std::string_view text) {
    Result<Published> published = fail(ErrorCode::internal, "not run");
    test::run(loop_, [&](yield_context yield) {
      auto upload = stage()->begin();
      if (!upload) {
        published = std::unexpected(upload.error());
        return;
      }
      if (auto written = (*upload)->append(as_bytes(text)); !written) {
        published = std::unexpected(written.error());
        return;
      }
      published = blobs.publish(yield, std::move(*upload), key,
                                {"image/jpeg", {}, {}, sha256(as_bytes(text))});
    });
    return published;
  }

  test::TemporaryDirectory directory_;
  std::string root_ = directory_ / "store";
  boost::asio::io_context loop_;
  boost::asio::thread_pool workers_{2};
};

TEST_P(LocalStore, quarantine_is_private_and_no_key_leads_there) {
  const auto blobs = open();
  const auto staging = stage();
  const std::string id = "0190a0b0-0000-7000-8000-000000000001";
  const std::string other = "0190a0b0-0000-7000-8000-000000000002";
  test::run(loop_, [&](yield_context yield) {
    for (const char* text : {"left by a killed attempt", "suspicious"}) {
      auto upload = staging->begin();
      ASSERT_TRUE(upload);
      ASSERT_TRUE((*upload)->append(as_bytes(std::string_view(text))));
      ASSERT_TRUE(staging->quarantine(yield, std::move(*upload), id));
    }
    EXPECT_EQ(contents(root_ + "/.quarantine/" + id), "suspicious");
    EXPECT_EQ(mode_of(root_ + "/.quarantine"), 0700u);
    EXPECT_FALSE(blobs->remove(yield, ".quarantine/" + id));
    EXPECT_TRUE(staging->quarantined(yield, std::chrono::seconds(60))->empty());
    EXPECT_EQ(*staging->quarantined(yield, std::chrono::seconds(0)), std::vector{id});

    const ObjectMetadata metadata{{}, {}, {}, sha256(as_bytes("suspicious"))};
    for (int time = 0; time < 2; ++time) {
      auto waiting = staging->open_quarantined(yield, id);
      ASSERT_TRUE(waiting) << waiting.error().message;
      const auto released = blobs->publish(yield, std::move(*waiting), "a/b.bin", metadata);
      ASSERT_TRUE(released) << released.error().message;
      EXPECT_EQ(released->key, "a/b.bin");
    }
    EXPECT_EQ(contents(root_ + "/a/b.bin"), "suspicious");
    EXPECT_EQ(staging->open_quarantined(yield, other).error().code, ErrorCode::not_found);
    EXPECT_FALSE(staging->open_quarantined(yield, "../a/b.bin"));
    ASSERT_TRUE(staging->discard(yield, id));
    ASSERT_TRUE(staging->discard(yield, other));
    EXPECT_TRUE(staging->quarantined(yield, std::chrono::seconds(0))->empty());
    EXPECT_EQ(contents(root_ + "/a/b.bin"), "suspicious");
  });
}

TEST_P(LocalStore, an_upload_can_be_read_before_it_has_a_name) {
  auto upload = stage()->begin();
  ASSERT_TRUE(upload);
  ASSERT_TRUE((*upload)->append(as_bytes(std::string_view("0123456789"))));
  std::array<std::uint8_t, 4> piece{};
  EXPECT_EQ((*upload)->read(8, piece), 2u);
  EXPECT_EQ(as_text(std::span(piece).first(2)), "89");
  EXPECT_EQ((*upload)->read(10, piece), 0u);
  ASSERT_TRUE((*upload)->append(as_bytes(std::string_view("ab"))));
  EXPECT_EQ((*upload)->read(8, piece), 4u);
  EXPECT_EQ(as_text(piece), "89ab");
}

INSTANTIATE_TEST_SUITE_P(TemporaryFiles, LocalStore, testing::Values(false, true),
                         [](const auto& info) { return info.param ? "named" : "unnamed"; });

TEST_P(LocalStore, published_bytes_are_readable_under_the_key) {
  const mode_t umask_before = ::umask(077);
  const auto blobs = open();
  const auto published = store(*blobs, "acme/2026/01/message-0.jpg", "photo");
  ::umask(umask_before);
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(published->key, "acme/2026/01/message-0.jpg");
  EXPECT_EQ(contents(root_ + "/acme/2026/01/message-0.jpg"), "photo");
  EXPECT_EQ(mode_of(root_ + "/acme/2026/01/message-0.jpg"), 0640u);
  EXPECT_EQ(mode_of(root_ + "/acme"), 0750u);
  EXPECT_EQ(mode_of(root_ + "/acme/2026/01"), 0750u);
}

TEST_P(LocalStore, a_key_without_directory_lies_in_the_root) {
  const auto blobs = open();
  ASSERT_TRUE(store(*blobs, "photo.jpg", "photo"));
  EXPECT_EQ(contents(root_ + "/photo.jpg"), "photo");
}

TEST_P(LocalStore, a_dropped_upload_leaves_nothing) {
  {
    auto upload = stage()->begin();
    ASSERT_TRUE(upload) << upload.error().message;
    ASSERT_TRUE((*upload)->append(as_bytes("half a ph")));
    EXPECT_EQ((*upload)->size(), 9u);
  }
  const auto names = entries(root_);
  EXPECT_TRUE(names.empty() || names == std::set<std::string>{".tmp"});
}

TEST_P(LocalStore, a_taken_key_with_the_same_bytes_is_adopted) {
  const auto blobs = open();
  ASSERT_TRUE(store(*blobs, "a/photo.jpg", "photo"));
  const auto again = store(*blobs, "a/photo.jpg", "photo");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->key, "a/photo.jpg");
  EXPECT_FALSE(entries(root_).contains("a/photo-1.jpg"));
}

TEST_P(LocalStore, a_taken_key_with_other_bytes_is_numbered_and_never_overwritten) {
  const auto blobs = open();
  ASSERT_TRUE(store(*blobs, "a/photo.jpg", "one"));
  const auto second = store(*blobs, "a/photo.jpg", "two");
  const auto third = store(*blobs, "a/photo.jpg", "six");
  const auto second_again = store(*blobs, "a/photo.jpg", "two");
  ASSERT_TRUE(second && third && second_again);
  EXPECT_EQ(second->key, "a/photo-1.jpg");
  EXPECT_EQ(third->key, "a/photo-2.jpg");
  EXPECT_EQ(second_again->key, "a/photo-1.jpg");
  EXPECT_EQ(contents(root_ + "/a/photo.jpg"), "one");
  EXPECT_EQ(contents(root_ + "/a/photo-1.jpg"), "two");
  EXPECT_EQ(contents(root_ + "/a/photo-2.jpg"), "six");
}

TEST_P(LocalStore, a_directory_or_link_under_the_key_is_not_adopted) {
  const auto blobs = open();
  write_file(directory_ / "outside.jpg", "photo");
  std::filesystem::create_directories(root_ + "/a/photo.jpg");
  std::filesystem::create_symlink(directory_ / "outside.jpg", root_ + "/a/photo-1.jpg");
  const auto published = store(*blobs, "a/photo.jpg", "photo");
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(published->key, "a/photo-2.jpg");
}

TEST_P(LocalStore, a_symbolic_link_on_the_path_is_refused) {
  const auto blobs = open();
  std::filesystem::create_directories(directory_ / "outside");
  std::filesystem::create_symlink(directory_ / "outside", root_ + "/escape");
  const auto published = store(*blobs, "escape/photo.jpg", "photo");
  ASSERT_FALSE(published);
  EXPECT_EQ(published.error().code, ErrorCode::storage);
  EXPECT_TRUE(std::filesystem::is_empty(directory_ / "outside"));
}

TEST_P(LocalStore, keys_that_leave_the_root_or_name_its_own_files_are_refused) {
  const auto blobs = open();
  for (const char* key : {"../photo.jpg", "/etc/passwd", "a/../../b", "a//b", "", ".", "a/.",
                          "a\\b", ".ngx_media_store", ".tmp/photo.jpg", "a\nb"}) {
    const auto published = store(*blobs, key, "photo");
    ASSERT_FALSE(published) << key;
    EXPECT_EQ(published.error().code, ErrorCode::invalid_argument) << key;
  }
}

TEST_P(LocalStore, a_root_without_marker_is_refused_at_every_upload) {
  const auto blobs = open();
  ASSERT_TRUE(blobs->check());
  std::filesystem::remove(root_ + "/" + kRootMarker);
  EXPECT_FALSE(stage()->check());
  const auto upload = stage()->begin();
  ASSERT_FALSE(upload);
  EXPECT_EQ(upload.error().code, ErrorCode::storage);
  EXPECT_NE(upload.error().message.find("not mounted"), std::string::npos);
  EXPECT_FALSE(blobs->check());
  ASSERT_TRUE(mark_store_root(root_));
  EXPECT_TRUE(blobs->check());
}

TEST_P(LocalStore, a_missing_root_is_an_error_not_an_empty_store) {
  const auto staging = make_local_staging(directory_ / "absent", workers_, {GetParam()});
  const auto upload = staging->begin();
  ASSERT_FALSE(upload);
  EXPECT_EQ(upload.error().code, ErrorCode::storage);
  EXPECT_NE(upload.error().message.find("No such file"), std::string::npos);
}

TEST_P(LocalStore, removing_is_idempotent) {
  const auto blobs = open();
  ASSERT_TRUE(store(*blobs, "a/photo.jpg", "photo"));
  test::run(loop_, [&](yield_context yield) {
    EXPECT_TRUE(blobs->remove(yield, "a/photo.jpg"));
    EXPECT_TRUE(blobs->remove(yield, "a/photo.jpg"));
    EXPECT_TRUE(blobs->remove(yield, "never/was/there.jpg"));
    EXPECT_FALSE(blobs->remove(yield, ".ngx_media_store"));
  });
  EXPECT_FALSE(entries(root_).contains("a/photo.jpg"));
}

TEST_P(LocalStore, what_is_stored_can_be_asked_for_and_read) {
  const auto blobs = open();
  const std::string text(700000, 'x');
  ASSERT_TRUE(store(*blobs, "a/photo.jpg", text));
  test::run(loop_, [&](yield_context yield) {
    const auto info = blobs->stat(yield, "a/photo.jpg");
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->key, "a/photo.jpg");
    EXPECT_EQ(info->size, text.size());
    EXPECT_NEAR(static_cast<double>(info->modified_at), static_cast<double>(std::time(nullptr)), 5);
    EXPECT_EQ(read_all(yield, *blobs, "a/photo.jpg"), text);

    const ByteSink refuse = [](ByteView) { return fail(ErrorCode::cancelled, "enough"); };
    EXPECT_EQ(blobs->retrieve(yield, "a/photo.jpg", refuse).error().code, ErrorCode::cancelled);
    for (const char* key : {"a/other.jpg", "b/photo.jpg"}) {
      EXPECT_EQ(blobs->stat(yield, key).error().code, ErrorCode::not_found) << key;
      EXPECT_EQ(blobs->retrieve(yield, key, refuse).error().code, ErrorCode::not_found) << key;
    }
    EXPECT_EQ(blobs->stat(yield, "a").error().code, ErrorCode::storage);
    EXPECT_EQ(blobs->stat(yield, "../x").error().code, ErrorCode::invalid_argument);
  });
}

TEST_P(LocalStore, a_file_that_shrinks_while_it_is_read_is_truncated) {
  const auto blobs = open();
  ASSERT_TRUE(store(*blobs, "a/video.mp4", std::string(600000, 'x')));
  test::run(loop_, [&](yield_context yield) {
    const auto read = blobs->retrieve(yield, "a/video.mp4", [&](ByteView) -> Result<void> {
      std::filesystem::resize_file(root_ + "/a/video.mp4", 1000);
      return {};
    });
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::truncated);
  });
}

TEST_P(LocalStore, all_objects_of_a_prefix_are_listed_and_nothing_else) {
  const auto blobs = open();
  for (const char* key : {"a/1.jpg", "a/b/2.jpg", "a/b/c/3.jpg", "ab/4.jpg", "5.jpg"}) {
    ASSERT_TRUE(store(*blobs, key, key));
  }
  std::filesystem::create_symlink("/etc", root_ + "/a/etc");
  write_file(root_ + "/.tmp/half", "being written");
  write_file(root_ + "/.quarantine/x", "suspicious");
  test::run(loop_, [&](yield_context yield) {
    using Keys = std::set<std::string>;
    EXPECT_EQ(listed(yield, *blobs, ""),
              (Keys{"a/1.jpg", "a/b/2.jpg", "a/b/c/3.jpg", "ab/4.jpg", "5.jpg"}));
    EXPECT_EQ(listed(yield, *blobs, "a/"), (Keys{"a/1.jpg", "a/b/2.jpg", "a/b/c/3.jpg"}));
    EXPECT_EQ(listed(yield, *blobs, "a"),
              (Keys{"a/1.jpg", "a/b/2.jpg", "a/b/c/3.jpg", "ab/4.jpg"}));
    EXPECT_EQ(listed(yield, *blobs, "a/b/c"), (Keys{"a/b/c/3.jpg"}));
    EXPECT_EQ(listed(yield, *blobs, "nowhere/"), Keys{});
    EXPECT_EQ(listed(yield, *blobs, "../"), Keys{});
  });
}

TEST_P(LocalStore, a_listing_that_fails_anywhere_is_an_error_of_the_whole) {
  const auto blobs = open();
  for (const char* key : {"a/1.jpg", "b/2.jpg", "c/3.jpg"}) ASSERT_TRUE(store(*blobs, key, key));
  int seen = 0;
  test::run(loop_, [&](yield_context yield) {
    const auto unmounted = blobs->list(yield, "", [&](const ObjectInfo&) -> Result<void> {
      if (++seen == 1) std::filesystem::remove(root_ + "/" + kRootMarker);
      return {};
    });
    ASSERT_FALSE(unmounted);
    EXPECT_EQ(unmounted.error().code, ErrorCode::storage);
  });
  EXPECT_LT(seen, 3);
}

TEST_P(LocalStore, a_write_that_the_system_refuses_is_a_storage_error_with_its_reason) {
  const auto blobs = open();
  auto upload = stage()->begin();
  ASSERT_TRUE(upload);
  struct rlimit before {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const struct rlimit small { 4096, before.rlim_max };
  const auto handler_before = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto written = (*upload)->append(Bytes(10000, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler_before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::storage);
  EXPECT_NE(written.error().message.find("File too large"), std::string::npos);

  test::run(loop_, [&](yield_context yield) {
    const auto published = blobs->publish(yield, std::move(*upload), "a/b.jpg", {});
    ASSERT_FALSE(published);
    EXPECT_EQ(published.error().code, ErrorCode::storage);
  });
  EXPECT_FALSE(entries(root_).contains("a/b.jpg"));
}

TEST_P(LocalStore, uploads_that_race_for_one_key_all_get_their_own) {
  const auto blobs = open();
  constexpr int kUploads = 20;
  std::set<std::string> keys;
  test::run(loop_, [&](yield_context yield) {
    int running = kUploads;
    boost::asio::steady_timer all_done(loop_, std::chrono::steady_clock::time_point::max());
    for (int i = 0; i < kUploads; ++i) {
      spawn(loop_, "upload", [&, i](yield_context inner) {
        auto upload = stage()->begin();
        const std::string text = "photo " + std::to_string(i);
        EXPECT_TRUE((*upload)->append(as_bytes(text)));
        const auto published = blobs->publish(inner, std::move(*upload), "new/dir/photo.jpg",
                                              {{}, {}, {}, sha256(as_bytes(text))});
        EXPECT_TRUE(published) << published.error().message;
        if (published) {
          keys.insert(published->key);
          EXPECT_EQ(contents(root_ + "/" + published->key), text);
        }
        if (--running == 0) all_done.cancel();
      });
    }
    boost::system::error_code ignored;
    while (running > 0) all_done.async_wait(yield[ignored]);
  });
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(kUploads));
}

TEST(LocalStoreTemporaries, only_those_older_than_a_day_are_removed_at_the_start) {
  const test::TemporaryDirectory directory;
  const std::string root = directory / "store";
  ASSERT_TRUE(mark_store_root(root));
  write_file(root + "/.tmp/old", "left by a crash");
  write_file(root + "/.tmp/new", "being written by another process");
  const std::time_t two_days_ago = std::time(nullptr) - 2 * 24 * 3600;
  const utimbuf times{two_days_ago, two_days_ago};
  ASSERT_EQ(::utime((root + "/.tmp/old").c_str(), &times), 0);
  boost::asio::thread_pool workers(1);
  make_local_staging(root, workers);
  EXPECT_EQ(entries(root), (std::set<std::string>{".tmp", ".tmp/new"}));
}

TEST(LocalStoreRoot, marking_twice_keeps_the_marker) {
  const test::TemporaryDirectory directory;
  ASSERT_TRUE(mark_store_root(directory / "a/b/store"));
  ASSERT_TRUE(mark_store_root(directory / "a/b/store"));
  EXPECT_TRUE(std::filesystem::exists(directory / "a/b/store/.ngx_media_store"));
  EXPECT_FALSE(mark_store_root("/proc/no-such-directory"));
}

}  // namespace
}  // namespace media::storage
