#include "ngx_media_module/cache/cache_record.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace media::nginx {
namespace {

MediaRecord record() {
  MediaRecord record;
  record.company = "0190a5d2-7c3e-7abc-8def-0123456789ab";
  record.status = DownloadStatus::completed;
  record.is_public = true;
  record.store = "local";
  record.storage_key = "c/a/2026/11/m-0.jpg";
  record.mime_type = "image/jpeg";
  record.disposition = R"(inline; filename="boat.jpg")";
  record.size = 123456789012;
  record.sha256.emplace().fill(7);
  return record;
}

TEST(CacheRecord, a_record_comes_back_as_it_was) {
  std::array<std::byte, 512> buffer;
  const auto read = read_record(write_record(record(), buffer));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->company, record().company);
  EXPECT_EQ(read->status, DownloadStatus::completed);
  EXPECT_TRUE(read->is_public);
  EXPECT_EQ(read->store, "local");
  EXPECT_EQ(read->storage_key, record().storage_key);
  EXPECT_EQ(read->mime_type, "image/jpeg");
  EXPECT_EQ(read->disposition, record().disposition);
  EXPECT_EQ(read->size, record().size);
  EXPECT_EQ(read->sha256, record().sha256);
}

TEST(CacheRecord, an_identity_comes_back_as_it_was) {
  std::array<std::byte, 512> buffer;
  const auto read = read_identity(write_identity({"u", {"c", "d"}, "", 1795250000}, buffer));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, "u");
  EXPECT_EQ(read->companies, "c,d");
  EXPECT_EQ(read->role, "");
  EXPECT_EQ(read->expires_at, 1795250000);
}

TEST(CacheRecord, a_record_without_a_hash_stays_without) {
  MediaRecord plain = record();
  plain.sha256.reset();
  std::array<std::byte, 512> buffer;
  const auto read = read_record(write_record(plain, buffer));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->sha256);
}

TEST(CacheRecord, an_identity_without_companies_is_none) {
  std::array<std::byte, 512> buffer;
  EXPECT_FALSE(read_identity(write_identity({"u", {}, "", 1795250000}, buffer)));
}

TEST(CacheRecord, what_does_not_fit_is_not_written) {
  std::array<std::byte, 512> buffer;
  const std::size_t needed = write_record(record(), buffer).size();
  EXPECT_TRUE(write_record(record(), std::span(buffer).first(needed - 1)).empty());
  MediaRecord huge = record();
  const std::string name(70000, 'x');
  huge.disposition = name;
  std::vector<std::byte> large(100000);
  EXPECT_TRUE(write_record(huge, large).empty());
}

TEST(CacheRecord, cut_extended_or_impossible_bytes_are_not_read) {
  std::array<std::byte, 512> buffer;
  const auto bytes = write_record(record(), buffer);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_record(bytes.first(size))) << size;
  }
  EXPECT_FALSE(read_record(std::span(buffer).first(bytes.size() + 1)));
  buffer[0] = std::byte{9};  // a status that is none
  EXPECT_FALSE(read_record(bytes));
}

}  // namespace
}  // namespace media::nginx
