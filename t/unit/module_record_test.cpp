#include <gtest/gtest.h>

#include <array>
#include <string>

#include "ngx_media_module/record.hpp"

namespace media::nginx {
namespace {

constexpr std::size_t kCompany = 0, kStatus = 1, kVisibility = 2, kStore = 3, kStorageKey = 4,
                      kFileName = 6, kSize = 7, kSha256 = 8;

const std::string kCompanyBytes("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
                                16);
const std::string kHash(32, '\xab');

std::array<Column, kRecordColumns> completed_row() {
  return {{{kCompanyBytes},
           {"completed"},
           {"private"},
           {"local"},
           {"a/b.jpg"},
           {"image/jpeg"},
           {"boat.jpg"},
           {std::string_view("\0\0\0\x01\0\0\0\x05", 8)},
           {kHash}}};
}

std::array<Column, kRecordColumns> row_in_state(std::string_view status) {
  auto row = completed_row();
  row[kStatus].bytes = status;
  for (std::size_t i = kStore; i < kRecordColumns; ++i) row.at(i) = {.bytes = {}, .is_null = true};
  return row;
}

TEST(ParseRecord, reads_every_column_of_a_completed_item) {
  const auto record = parse_record(completed_row());
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->company.to_string(), "01020304-0506-0708-090a-0b0c0d0e0f10");
  EXPECT_EQ(record->status, DownloadStatus::completed);
  EXPECT_FALSE(record->is_public);
  EXPECT_EQ(record->store, "local");
  EXPECT_EQ(record->storage_key, "a/b.jpg");
  EXPECT_EQ(record->mime_type, "image/jpeg");
  EXPECT_EQ(record->file_name, "boat.jpg");
  EXPECT_EQ(record->size, 0x100000005);
  EXPECT_EQ(record->sha256[31], 0xab);
}

TEST(ParseRecord, takes_items_without_bytes_in_every_other_state) {
  EXPECT_EQ(parse_record(row_in_state("pending"))->status, DownloadStatus::pending);
  EXPECT_EQ(parse_record(row_in_state("downloading"))->status, DownloadStatus::downloading);
  EXPECT_EQ(parse_record(row_in_state("failed"))->status, DownloadStatus::failed);
}

TEST(ParseRecord, knows_public_items) {
  auto row = completed_row();
  row[kVisibility].bytes = "public";
  EXPECT_TRUE(parse_record(row)->is_public);
  row[kVisibility].bytes = "something new";
  EXPECT_FALSE(parse_record(row)->is_public);
}

TEST(ParseRecord, does_without_a_file_name) {
  auto row = completed_row();
  row[kFileName] = {.bytes = {}, .is_null = true};
  EXPECT_EQ(parse_record(row)->file_name, "");
}

TEST(ParseRecord, refuses_columns_that_are_not_as_agreed) {
  const auto refuses = [](std::size_t column, Column value) {
    auto row = completed_row();
    row.at(column) = value;
    return !parse_record(row).has_value();
  };
  EXPECT_TRUE(refuses(kCompany, {"short"}));
  EXPECT_TRUE(refuses(kCompany, {.bytes = {}, .is_null = true}));
  EXPECT_TRUE(refuses(kStatus, {"done"}));
  EXPECT_TRUE(refuses(kStore, {""}));
  EXPECT_TRUE(refuses(kSize, {"1234"}));
  EXPECT_TRUE(refuses(kSize, {.bytes = {}, .is_null = true}));
  EXPECT_TRUE(refuses(kSize, {"\xff\xff\xff\xff\xff\xff\xff\xff"}));
  EXPECT_TRUE(refuses(kSha256, {"short"}));
  EXPECT_TRUE(refuses(kSha256, {.bytes = {}, .is_null = true}));
}

TEST(ParseRecord, refuses_keys_that_leave_the_root) {
  for (const auto* key : {"", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/."}) {
    auto row = completed_row();
    row[kStorageKey].bytes = key;
    EXPECT_FALSE(parse_record(row).has_value()) << key;
  }
}

}  // namespace
}  // namespace media::nginx
