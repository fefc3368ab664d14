#include <gtest/gtest.h>

#include "indexer/json.hpp"
#include "indexer/ops/adoption.hpp"
#include "indexer/ops/byte_rate.hpp"
#include "indexer/ops/command_line.hpp"
#include "indexer/ops/legacy_table.hpp"
#include "indexer/ops/migration_report.hpp"

namespace media::ops {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Result<CommandLine> parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments, [](const char*) -> const char* { return nullptr; });
}

TEST(CommandLine, reads_migrations) {
  const auto line = parse({"migrate", "--from", "local", "--to=s3", "--account", "1", "--company",
                           "Acme", "--concurrency", "8", "--rate", "10M", "--json", "--rollback"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->command, CommandLine::Command::migrate);
  EXPECT_EQ(line->from, "local");
  EXPECT_EQ(line->to, "s3");
  EXPECT_EQ(line->external_id, "1");
  EXPECT_EQ(line->concurrency, 8u);
  EXPECT_EQ(line->rate, 10u << 20);
  EXPECT_TRUE(line->is_rolling_back);
  EXPECT_FALSE(line->is_verifying_only);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--from", "local"},
        {"--from", "local", "--to", "local"},
        {"--from", "a", "--to", "b", "--concurrency", "65"},
        {"--from", "a", "--to", "b", "--rate", "fast"},
        {"--from", "a", "--to", "b", "--verify-only", "--rollback"}}) {
    std::vector<std::string> arguments = {"migrate"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_FALSE(parse(arguments)) << wrong.back();
  }
}

TEST(CommandLine, reads_adoptions) {
  const auto line =
      parse({"adopt", "--table", "public.photos", "--columns", "id=photo_id,path=file", "--root",
             "/var/www", "--company", "Acme", "--link"});
  ASSERT_TRUE(line);
  EXPECT_EQ(line->columns, (LegacyTable::Columns{{"id", "photo_id"}, {"path", "file"}}));
  EXPECT_TRUE(line->is_linking);
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--company", "Acme"},
        {"--company", "Acme", "--link", "--copy"},
        {"--link"},
        {"--company", "Acme", "--link", "--columns", "id=a,path=b,colour=c"},
        {"--company", "Acme", "--link", "--columns", "id=a"},
        {"--company", "Acme", "--link", "--root", "www"}}) {
    std::vector<std::string> arguments = {"adopt",       "--table", "t",       "--columns",
                                          "id=a,path=b", "--root",  "/var/www"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    EXPECT_FALSE(parse(arguments)) << wrong.back();
  }
}

TEST(ByteSchedule, keeps_to_the_rate_on_average) {
  ByteSchedule schedule(1000);
  const ByteSchedule::TimePoint start(seconds(100));
  EXPECT_EQ(schedule.book(start, 500), start);
  EXPECT_EQ(schedule.book(start, 2000), start + milliseconds(500));
  EXPECT_EQ(schedule.book(start + seconds(1), 1), start + milliseconds(2500));
  EXPECT_EQ(schedule.book(start + seconds(60), 1), start + seconds(60))
      << "pauses are not saved up";
}

TEST(ByteSchedule, may_be_without_a_limit) {
  ByteSchedule schedule(0);
  const ByteSchedule::TimePoint start(seconds(100));
  EXPECT_EQ(schedule.book(start, 1u << 30), start);
  EXPECT_EQ(schedule.book(start, 1), start);
}

MigrationSummary summary() {
  MigrationSummary summary;
  summary.options.from = "local";
  summary.options.to = "s3";
  summary.tally.found = {10, 1000};
  summary.tally.moved = {5, 500};
  summary.tally.already_there = {3, 300};
  summary.tally.failed = {1, 150};
  summary.tally.vanished = {1, 50};
  summary.tally.failures = {{"a/b.jpg", "0f8fad5b", "", "hash_mismatch: in local"}};
  summary.left = {1, 150};
  summary.took = seconds(3);
  return summary;
}

TEST(MigrationSummary, is_a_table_that_adds_up) {
  const auto all = summary();
  EXPECT_TRUE(all.tally.adds_up());
  EXPECT_EQ(summary_text(all),
            "               files  bytes\n"
            "found          10     1000\n"
            "moved          5      500\n"
            "already there  3      300\n"
            "failed         1      150\n"
            "vanished       1      50\n"
            "left in local: 1 files, 150 bytes\n"
            "in 3 s");
  auto short_of_one = all.tally;
  short_of_one.moved.bytes -= 1;
  EXPECT_FALSE(short_of_one.adds_up());
}

TEST(MigrationSummary, is_json_as_well) {
  const auto json = Json::parse(summary_json(summary()));
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["task"].text(), "move");
  EXPECT_EQ((*json)["moved"]["bytes"].integer(), 500);
  EXPECT_EQ((*json)["failures"][0]["reason"].text(), "hash_mismatch: in local");
  EXPECT_EQ((*json)["milliseconds"].integer(), 3000);
}

TEST(TransferText, tells_rate_and_time_left) {
  EXPECT_EQ(transfer_text(1 << 20, 5 << 20, seconds(2), 1 << 20),
            "1.0 MiB of 5.0 MiB, 512.0 KiB/s, 8 s left");
  EXPECT_EQ(transfer_text(0, 5 << 20, seconds(0), 0), "0 B of 5.0 MiB, 0 B/s");
}

TEST(AdoptedKey, is_the_path_below_the_root) {
  EXPECT_EQ(adopted_key("2019/a b.jpg", "/var/www"), "2019/a b.jpg");
  EXPECT_EQ(adopted_key("/2019/a.jpg", "/var/www/"), "2019/a.jpg");
  EXPECT_EQ(adopted_key("/var/www/2019/a.jpg", "/var/www/"), "2019/a.jpg");
  EXPECT_EQ(adopted_key("./a.jpg", "/var/www"), "a.jpg");
  for (const char* wrong : {"", "/", "../a.jpg", "a/../b.jpg", "a//b.jpg", ".hidden", "a\nb"}) {
    EXPECT_FALSE(adopted_key(wrong, "/var/www")) << wrong;
  }
}

TEST(QuotedIdentifier, takes_plain_names_only) {
  EXPECT_EQ(quoted_identifier("Photos_2"), "\"Photos_2\"");
  for (const char* wrong : {"", "2x", "a\"b", "a b", "a;b", "ünder"}) {
    EXPECT_FALSE(quoted_identifier(wrong)) << wrong;
  }
  EXPECT_FALSE(quoted_identifier(std::string(64, 'a')));
}

}  // namespace
}  // namespace media::ops
