// What `doctor` and `check` are made of.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "indexer/ingest/spool.hpp"
#include "indexer/ops/authorities.hpp"
#include "indexer/ops/daemon_status.hpp"
#include "indexer/ops/diagnosis.hpp"
#include "indexer/ops/report.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer_fixture.hpp"

namespace media::ops {
namespace {

TEST(Report, tells_as_it_goes_and_remembers_the_worst) {
  std::vector<std::string> told;
  Report report([&](const Finding& finding) { told.push_back(text_of(finding)); });
  EXPECT_EQ(report.worst(), Severity::ok);
  report.ok("clock");
  report.warn("space", "little", "make room");
  EXPECT_EQ(report.worst(), Severity::warning);
  report.fail("daemon", "refused");
  report.ok("queue", "3 due");
  EXPECT_EQ(report.worst(), Severity::failure);
  EXPECT_EQ(told, (std::vector<std::string>{"ok clock", "warn space: little: make room",
                                            "FAIL daemon: refused", "ok queue: 3 due"}));
  EXPECT_EQ(report.all().size(), 4u);
}

TEST(Diagnosis, durations_and_sizes_are_for_people) {
  EXPECT_EQ(rough_duration(0), "0 s");
  EXPECT_EQ(rough_duration(119), "119 s");
  EXPECT_EQ(rough_duration(120), "2 min");
  EXPECT_EQ(rough_duration(7200), "2 h");
  EXPECT_EQ(rough_duration(400000), "4 d");
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(std::uint64_t{20} << 30), "20 GiB");
}

TEST(Authorities, only_certificates_count) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(read_authorities(directory / "none").error().code, ErrorCode::storage);
  std::ofstream(directory / "text") << "-----BEGIN CERTIFICATE-----\nno\n";
  const auto found = read_authorities(directory / "text");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->usable + found->expired, 0);
}

TEST(DaemonStatus, nobody_there_is_unavailable) {
  const test::TemporaryDirectory directory;
  const auto answer = ask_daemon("unix:" + (directory / "none.sock"), "/readyz");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::unavailable);
  EXPECT_NE(answer.error().message.find("none.sock"), std::string::npos);
}

TEST(SpoolView, counts_what_waits_and_what_is_aside) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(ingest::look_at_spool(directory / "none").files, 0u);
  std::filesystem::create_directory(directory.path() / "aside");
  const std::string account = "-0190a000-0000-7000-8000-000000000001.request";
  for (const std::string& name :
       {"00001700000009000000" + account, "00001700000000000000" + account,
        "aside/00001600000000000000" + account, "aside/00001600000000000000" + account + ".reason",
        std::string("README")}) {
    std::ofstream(directory / name) << "x";
  }
  const auto view = ingest::look_at_spool(directory.path().string());
  EXPECT_EQ(view.files, 2u);
  EXPECT_EQ(view.oldest_at, 1700000000);
  EXPECT_EQ(view.set_aside, 1u);
}

}  // namespace
}  // namespace media::ops
