// What `explain` and `replay` are made of.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"
#include "indexer/config.hpp"
#include "indexer/ingest/kept_delivery.hpp"
#include "indexer/ops/advice.hpp"
#include "indexer/ops/stored_file.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/providers/registry.hpp"
#include "indexer/storage/local_store.hpp"
#include "indexer_fixture.hpp"

namespace media::ops {
namespace {

TEST(TextTable, columns_are_as_wide_as_their_widest_cell) {
  EXPECT_EQ(text_table({{"a", "long one", "x"}, {"Müller", "b", "y"}, {"c"}}, "> "),
            "> a       long one  x\n"
            "> Müller  b         y\n"
            "> c\n");
}

TEST(Printable, nothing_of_others_moves_the_cursor) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\x7f"), "a?[2Jb?c?");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");
  EXPECT_EQ(printable("Grüße 📷"), "Grüße 📷");
}

TEST(Advice, every_reason_that_a_row_can_have_is_explained) {
  const std::string_view unknown = advice_for("no such reason").meaning;
  for (int code = 0; code <= static_cast<int>(ErrorCode::storage); ++code) {
    const auto reason = name_of(static_cast<ErrorCode>(code));
    const Advice advice = advice_for(std::string(reason) + ": text");
    EXPECT_NE(advice.meaning, unknown) << reason;
    EXPECT_FALSE(advice.remedy.empty()) << reason;
  }
}

class StoredFileTest : public testing::Test {
 protected:
  StoredFileTest() {
    EXPECT_TRUE(storage::mark_store_root(root()));
    std::filesystem::create_directories(directory_.path() / "a");
    std::ofstream(directory_.path() / "a" / "photo.jpg") << "bytes";
  }

  Config test_config() const {
    Config config;
    config.storage.root = root();
    return config;
  }
  std::string root() const { return directory_.path().string(); }
  FileReport look(const StoredFile& file, bool read_all = true) {
    FileReport report;
    test::run(loop_, [&](boost::asio::yield_context yield) {
      report = look_at(yield, *stores_, file, read_all);
    });
    return report;
  }

  test::TemporaryDirectory directory_;
  boost::asio::io_context loop_{1};
  boost::asio::thread_pool workers_{1};
  const std::unique_ptr<storage::Stores> stores_ =
      storage::make_stores(loop_, workers_, test_config());
  const std::string hash_ = hex_encode(sha256(as_bytes("bytes")));
};

TEST_F(StoredFileTest, a_file_as_recorded_is_present) {
  const auto report = look({"local", "a/photo.jpg", 5, hash_});
  EXPECT_EQ(report.state, FileState::present) << report.detail;
}

TEST_F(StoredFileTest, what_differs_is_told) {
  EXPECT_EQ(look({"local", "a/other.jpg", 5, hash_}).state, FileState::missing);
  EXPECT_EQ(look({"local", "b/photo.jpg", 5, hash_}).state, FileState::missing);
  EXPECT_EQ(look({"local", "a/photo.jpg", 6, hash_}).state, FileState::wrong_size);
  EXPECT_EQ(look({"local", "a/photo.jpg", 5, "00"}).state, FileState::wrong_content);
  EXPECT_EQ(look({"local", "a/photo.jpg", 5, "00"}, false).state, FileState::present);
  EXPECT_EQ(look({"archive", "a/photo.jpg", 5, hash_}).state, FileState::other_store);
}

TEST_F(StoredFileTest, nothing_outside_of_the_store_is_looked_at) {
  std::filesystem::create_symlink("/etc/passwd", directory_.path() / "a" / "link");
  std::filesystem::create_directory(directory_.path() / "a" / "directory");
  for (const char* key : {"../photo.jpg", "/etc/passwd", "a/link", "a/directory", ""}) {
    EXPECT_EQ(look({"local", key, 5, hash_}).state, FileState::unreadable) << key;
  }
}

TEST_F(StoredFileTest, an_unmounted_store_is_not_taken_for_an_empty_one) {
  std::filesystem::remove(directory_.path() / storage::kRootMarker);
  EXPECT_EQ(look({"local", "a/photo.jpg", 5, hash_}).state, FileState::unreadable);
}

TEST(KeptDelivery, is_the_request_that_it_was) {
  const providers::Registry registry{Config()};
  ingest::KeptDelivery kept;
  kept.provider = "twilio";
  kept.account_external_id = "A C/1";
  kept.headers_json = R"({"content-type":"application/x-www-form-urlencoded"})";
  kept.body = "MessageSid=MM1&NumMedia=0";
  const auto& twilio = *registry.find("twilio");
  const auto post = request_of(kept, twilio);
  EXPECT_EQ(post.method, "POST");
  EXPECT_EQ(post.target, "/webhooks/twilio/A%20C%2F1");
  EXPECT_EQ(post.body, kept.body);
  EXPECT_EQ(post.header("content-type"), "application/x-www-form-urlencoded");
  kept.headers_json = "{}";
  const auto get = request_of(kept, twilio);
  EXPECT_EQ(get.method, "GET");
  EXPECT_EQ(get.query(), kept.body);
  EXPECT_EQ(get.body, "");
  EXPECT_EQ(request_of(kept, *registry.find("generic")).method, "POST");
}

}  // namespace
}  // namespace media::ops
