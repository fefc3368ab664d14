#include <gtest/gtest.h>

#include "indexer/ops/advice.hpp"
#include "indexer/ops/command_line.hpp"
#include "indexer/ops/fsck_report.hpp"

namespace media::ops {
namespace {

Result<CommandLine> parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments, [](const char*) -> const char* { return nullptr; });
}

Fault fault_of(FaultKind kind) {
  Fault fault;
  fault.kind = kind;
  fault.store = "local";
  fault.key = "a/b.jpg";
  return fault;
}

TEST(FsckCommand, reads_what_to_check_and_to_repair) {
  const auto line =
      parse({"fsck", "--store", "s3", "--checksum", "--budget", "10M", "--min-age", "0", "--repair",
             "missing,corrupt", "--repair=untracked", "--dry-run", "--json"});
  ASSERT_TRUE(line) << line.error().message;
  EXPECT_EQ(line->command, CommandLine::Command::fsck);
  EXPECT_EQ(line->store, "s3");
  EXPECT_EQ(line->budget, 10 << 20);
  EXPECT_EQ(line->min_age, std::chrono::seconds(0));
  EXPECT_EQ(line->repairs, (std::vector<std::string>{"missing", "corrupt", "untracked"}));
  EXPECT_TRUE(line->is_hashing && line->is_dry_run && line->as_json);
  EXPECT_FALSE(parse({"fsck"})->min_age);
}

TEST(FsckCommand, refuses_what_makes_no_sense) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"fsck", "--repair", "all"},
                                             {"fsck", "--repair", "unreadable"},
                                             {"fsck", "--repair", "corrupt"},
                                             {"fsck", "--budget", "1G"},
                                             {"fsck", "--checksum", "--budget", "0"},
                                             {"fsck", "--min-age", "young"},
                                             {"fsck", "a/b.jpg"},
                                             {"cleanup", "--days", "0"},
                                             {"cleanup", "--days", "forever"},
                                             {"cleanup", "--days", "36501"},
                                             {"retention", "set"},
                                             {"retention", "set", "--days", "never"},
                                             {"retention", "remove", "--days", "1"}}) {
    EXPECT_FALSE(parse(arguments)) << arguments.back();
  }
}

TEST(RetentionCommand, reads_rules) {
  const auto rule = parse({"retention", "set", "--days", "forever", "--company", "Acme"});
  ASSERT_TRUE(rule) << rule.error().message;
  EXPECT_EQ(rule->command, CommandLine::Command::retention_set);
  EXPECT_EQ(rule->days, "forever");
  const auto cleanup = parse({"cleanup", "--days=30", "--bucket", "images", "--dry-run"});
  ASSERT_TRUE(cleanup) << cleanup.error().message;
  EXPECT_EQ(cleanup->days, "30");
  EXPECT_EQ(cleanup->bucket, "images");
}

TEST(Bytes, take_units_and_refuse_the_rest) {
  EXPECT_EQ(parse_bytes("500000"), 500000u);
  EXPECT_EQ(parse_bytes("64K"), 65536u);
  EXPECT_EQ(parse_bytes("2T"), std::uint64_t{2} << 40);
  for (const char* text : {"", "0", "-1", "1k", "1KB", "K", "1.5G", "9999999999T", " 1"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
}

TEST(FsckReport, tells_a_finding_on_a_line) {
  Fault missing = fault_of(FaultKind::missing);
  missing.size = 7;
  missing.blob_id = "1";
  missing.repair = "1 media failed";
  EXPECT_EQ(text_of(missing), "missing    local:a/b.jpg  (7 bytes): 1 media failed");
  EXPECT_EQ(json_of(missing),
            R"({"finding":"missing","store":"local","key":"a/b.jpg","size":7,"found_size":null,)"
            R"("blob_id":"1","rendition":null,"detail":null,"repair":"1 media failed"})");
  Fault size = fault_of(FaultKind::size);
  size.size = 7;
  size.found_size = 6;
  size.rendition = "poster";
  EXPECT_EQ(text_of(size), "size       local:a/b.jpg  (poster, 6 bytes instead of 7)");
  Fault untracked = fault_of(FaultKind::untracked);
  untracked.key = "a/\x1b[2J";
  EXPECT_EQ(text_of(untracked), "untracked  local:a/?[2J");
}

TEST(FsckReport, counts_by_kind) {
  FsckTotals totals;
  totals.store = "s3";
  totals.files = 3;
  totals.known = 4;
  totals.faults[static_cast<std::size_t>(FaultKind::corrupt)] = 2;
  EXPECT_EQ(json_of(totals),
            R"({"totals":{"store":"s3","files":3,"bytes":0,"known":4,"missing":0,"size":0,)"
            R"("untracked":0,"corrupt":2,"unreadable":0,"repaired":0,"hashed_files":0,)"
            R"("hashed_bytes":0}})");
  const std::string table = text_of(std::vector<FsckTotals>{totals});
  EXPECT_TRUE(table.starts_with("store  files  bytes  known  missing  size")) << table;
  EXPECT_NE(table.find("\ns3     3"), std::string::npos) << table;
}

TEST(FsckReport, what_is_lost_has_advice) {
  EXPECT_NE(advice_for("missing: the stored bytes are gone").meaning.find("not there any more"),
            std::string_view::npos);
  EXPECT_NE(advice_for("corrupt: x").remedy.find("--checksum"), std::string_view::npos);
}

}  // namespace
}  // namespace media::ops
