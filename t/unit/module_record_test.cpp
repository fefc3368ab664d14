#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ngx_media_module/lookup/record.hpp"

namespace media::nginx {
namespace {

constexpr std::uint32_t kText = 25, kUuid = 2950, kBigint = 20, kInteger = 23, kBytea = 17;

const std::string kCompanyBytes("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10",
                                16);
const std::string kHash(32, '\xab');

/// A row whose columns can be replaced by name.
struct TestRow {
  std::vector<Column> columns = {{"company_id", kUuid, kCompanyBytes},
                                 {"status", kText, "completed"},
                                 {"visibility", kText, "private"},
                                 {"store", kText, "local"},
                                 {"storage_key", kText, "a/b.jpg"},
                                 {"mime_type", kText, "image/jpeg"},
                                 {"file_name", kText, "boat.jpg"},
                                 {"size", kBigint, std::string_view("\0\0\0\x01\0\0\0\x05", 8)},
                                 {"sha256", kBytea, kHash}};
  RecordTexts texts;

  TestRow& with(Column column) {
    for (auto& each : columns) {
      if (each.name == column.name) each = column;
    }
    return *this;
  }
  TestRow& with_null(std::string_view name) { return with({name, kText, {}, true}); }
  Result<MediaRecord> parse() { return parse_record(Row(columns), texts); }
};

TEST(ParseRecord, reads_every_column_of_a_completed_item) {
  TestRow row;
  const auto record = row.parse();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->company, "01020304-0506-0708-090a-0b0c0d0e0f10");
  EXPECT_EQ(record->status, DownloadStatus::completed);
  EXPECT_FALSE(record->is_public);
  EXPECT_EQ(record->store, "local");
  EXPECT_EQ(record->storage_key, "a/b.jpg");
  EXPECT_EQ(record->mime_type, "image/jpeg");
  EXPECT_EQ(record->disposition, R"(inline; filename="boat.jpg")");
  EXPECT_EQ(record->size, 0x100000005);
  EXPECT_EQ((*record->sha256)[31], 0xab);
}

TEST(ParseRecord, takes_items_without_bytes_in_every_other_state) {
  for (const auto* status : {"pending", "downloading", "failed"}) {
    TestRow row;
    row.with({"status", kText, status});
    for (const auto* name : {"store", "storage_key", "mime_type", "file_name", "size", "sha256"}) {
      row.with_null(name);
    }
    const auto record = row.parse();
    ASSERT_TRUE(record.has_value()) << status;
    EXPECT_EQ(name_of(record->status), status);
  }
}

TEST(ParseRecord, takes_what_a_sites_own_query_may_give) {
  TestRow row;
  row.with({"company_id", kInteger, std::string_view("\0\0\0\x07", 4)})
      .with({"size", kInteger, std::string_view("\0\0\x01\0", 4)})
      .with_null("sha256")
      .with_null("visibility")
      .with_null("mime_type")
      .with_null("file_name");
  const auto record = row.parse();
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->company, "7");
  EXPECT_EQ(record->size, 256);
  EXPECT_FALSE(record->sha256);
  EXPECT_EQ(record->mime_type, "application/octet-stream");
  EXPECT_EQ(record->disposition, R"(attachment; filename="b.jpg")");
}

TEST(ParseRecord, knows_public_items) {
  TestRow row;
  EXPECT_TRUE(row.with({"visibility", kText, "public"}).parse()->is_public);
  EXPECT_FALSE(row.with({"visibility", kText, "something new"}).parse()->is_public);
}

TEST(ParseRecord, refuses_columns_that_are_not_as_agreed) {
  const auto refuses = [](Column column) { return !TestRow().with(column).parse().has_value(); };
  EXPECT_TRUE(refuses({"company_id", kText, ""}));
  EXPECT_TRUE(refuses({"company_id", kUuid, {}, true}));
  EXPECT_TRUE(refuses({"status", kText, "done"}));
  EXPECT_TRUE(refuses({"store", kText, ""}));
  EXPECT_TRUE(refuses({"size", kBigint, "1234"}));
  EXPECT_TRUE(refuses({"size", kText, "12345678"}));
  EXPECT_TRUE(refuses({"size", kBigint, {}, true}));
  EXPECT_TRUE(refuses({"size", kBigint, "\xff\xff\xff\xff\xff\xff\xff\xff"}));
  EXPECT_TRUE(refuses({"sha256", kBytea, "short"}));
  EXPECT_TRUE(refuses({"mime_type", kText, "image/png\r\nX: y"}));
}

TEST(ParseRecord, refuses_keys_that_leave_the_root_or_are_the_stores_own) {
  for (const auto* key :
       {"", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", ".quarantine/a", ".tmp/a"}) {
    TestRow row;
    EXPECT_FALSE(row.with({"storage_key", kText, key}).parse().has_value()) << key;
  }
}

}  // namespace
}  // namespace media::nginx
