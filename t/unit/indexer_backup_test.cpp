#include <algorithm>

#include <gtest/gtest.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/ops/backup/archive.hpp"
#include "indexer/ops/backup/blob_list.hpp"
#include "indexer/ops/backup/child_process.hpp"
#include "indexer/ops/backup/inventory.hpp"
#include "indexer/ops/backup/manifest.hpp"
#include "indexer/ops/backup/operator_session.hpp"

namespace media::backup {
namespace {

std::string hash_of(int number) { return hex_encode(sha256(as_bytes(std::to_string(number)))); }

NamedFile sample() {
  return {hash_of(1),
          4711,
          "local",
          "c/a/2026/11/m-0.jpg",
          "image/jpeg",
          "account",
          "boat \xE2\x9B\xB5.jpg"};
}

Manifest sample_manifest() {
  Manifest manifest;
  manifest.snapshot = "20261121T230501Z";
  manifest.taken_at = 1795302301;
  manifest.program = "0.1.0";
  manifest.schema_version = 5;
  manifest.files = {{"database.dump", 10, hash_of(2)}, {"blobs.tsv", 20, hash_of(3)}};
  manifest.named = {3, 300};
  manifest.contents = {2, 200};
  manifest.missing = 1;
  return manifest;
}

TEST(BackupBlobList, a_line_is_read_as_it_was_written) {
  const auto read = parse_line(line_of(sample()));
  ASSERT_TRUE(read);
  EXPECT_EQ(line_of(*read), line_of(sample()));
  EXPECT_EQ(read->key, sample().key);
  EXPECT_EQ(read->file_name, sample().file_name);
  EXPECT_EQ(read->digest(), sha256(as_bytes("1")));
}

TEST(BackupBlobList, names_of_others_can_not_break_a_line) {
  NamedFile file = sample();
  file.file_name = "a\tb\nc\r";
  EXPECT_EQ(parse_line(line_of(file))->file_name, "a b c ");
}

TEST(BackupBlobList, anything_else_is_no_line) {
  const std::string hash = hash_of(1);
  for (const std::string& line :
       {std::string(), std::string("\n"), hash + "\t1\tlocal\tkey\ttype\taccount",
        hash + "\t1\tlocal\tkey\ttype\taccount\tname\tmore", hash + "\t-1\tlocal\tkey\t\t\t",
        hash + "\t1x\tlocal\tkey\t\t\t", hash.substr(2) + "\t1\tlocal\tkey\t\t\t",
        hash + "\t1\t\tkey\t\t\t", hash + "\t1\tlocal\t\t\t\t"}) {
    EXPECT_FALSE(parse_line(line)) << line;
  }
  EXPECT_TRUE(parse_line(hash + "\t1\tlocal\tkey\t\t\t"));
}

TEST(BackupManifest, is_read_as_it_was_written) {
  const auto read = parse_manifest(to_json(sample_manifest()));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(sample_manifest()));
  EXPECT_EQ(read->named, sample_manifest().named);
  ASSERT_NE(read->find("blobs.tsv"), nullptr);
  EXPECT_EQ(read->find("blobs.tsv")->size, 20u);
  EXPECT_EQ(read->find("other"), nullptr);
}

TEST(BackupManifest, what_is_cut_short_or_of_a_later_format_is_none) {
  const std::string whole = to_json(sample_manifest());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_manifest(whole.substr(0, size))) << size;
  }
  std::string later = whole;
  later.replace(later.find("\"format\":1"), 10, "\"format\":2");
  EXPECT_EQ(parse_manifest(later).error().code, ErrorCode::conflict);
}

TEST(BackupManifest, names_no_file_elsewhere) {
  Manifest manifest = sample_manifest();
  manifest.files.push_back({"../../etc/passwd", 1, hash_of(4)});
  EXPECT_FALSE(parse_manifest(to_json(manifest)));
  manifest.files.pop_back();
  manifest.files.pop_back();
  EXPECT_FALSE(parse_manifest(to_json(manifest)));  // no list
}

TEST(BackupArchive, contents_lie_under_their_hash) {
  const std::string hash = hash_of(1);
  EXPECT_EQ(blob_key(hash), "blobs/" + hash.substr(0, 2) + "/" + hash.substr(2, 2) + "/" + hash);
  EXPECT_EQ(sha256_of_key(blob_key(hash)), hash);
  EXPECT_EQ(sha256_of_key("blobs/00/11/" + hash), "");
  EXPECT_EQ(sha256_of_key("blobs/" + hash), "");
  EXPECT_EQ(sha256_of_key(""), "");
}

TEST(BackupArchive, snapshots_are_named_by_their_time) {
  EXPECT_EQ(snapshot_name(1795302301), "20261121T230501Z");
}

TEST(BackupInventory, knows_what_was_there_and_what_has_come) {
  Inventory inventory;
  for (int i = 0; i < 1000; ++i) inventory.add(hash_of(i), static_cast<std::uint64_t>(i));
  inventory.sort();
  EXPECT_EQ(inventory.find(hash_of(77)), 77u);
  EXPECT_EQ(inventory.find(hash_of(1000)), std::nullopt);
  inventory.put(hash_of(77), 78);
  EXPECT_EQ(inventory.find(hash_of(77)), 78u);
  std::vector<std::string> come = {hash_of(1001), hash_of(1002), hash_of(1003)};
  std::ranges::sort(come);
  for (const std::string& hash : come) inventory.put(hash, 5);
  for (const std::string& hash : come) EXPECT_EQ(inventory.find(hash), 5u);
  EXPECT_EQ(inventory.find(hash_of(1004)), std::nullopt);
}

TEST(BackupProgram, its_output_is_passed_on_and_its_failure_told) {
  std::string text;
  const auto keep = [&](ByteView bytes) -> Result<void> {
    text += as_text(bytes);
    return {};
  };
  EXPECT_TRUE(run_program({{"sh", "-c", "echo $WORD"}, {"WORD=hello"}}, keep));
  EXPECT_EQ(text, "hello\n");
  const auto failed = run_program({{"sh", "-c", "exit 3"}, {}}, keep);
  EXPECT_EQ(failed.error().message, "sh ended with status 3");
  EXPECT_FALSE(run_program({{"/nonexistent/program"}, {}}, keep));
}

TEST(BackupProgram, is_stopped_when_nobody_takes_its_output) {
  const auto full = [](ByteView) -> Result<void> { return fail(ErrorCode::storage, "full"); };
  EXPECT_EQ(run_program({{"sh", "-c", "while :; do echo y; done"}, {}}, full).error().message,
            "full");
}

TEST(BackupProgram, a_conninfo_goes_by_environment) {
  const auto environment = environment_for("host=/run/x dbname=media user='a b' password=secret");
  ASSERT_TRUE(environment);
  for (const char* entry :
       {"PGHOST=/run/x", "PGDATABASE=media", "PGUSER=a b", "PGPASSWORD=secret"}) {
    EXPECT_EQ(std::ranges::count(*environment, entry), 1) << entry;
  }
  EXPECT_FALSE(environment_for("no such=thing"));
}

}  // namespace
}  // namespace media::backup
