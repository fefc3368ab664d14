#include <gtest/gtest.h>

#include "indexer/scan/clamd_answer.hpp"
#include "indexer/scan/second_opinion.hpp"

namespace media::scan {
namespace {

using std::string_view_literals::operator""sv;

TEST(ClamdAnswer, is_clean_or_names_what_was_found) {
  EXPECT_FALSE(*read_clamd_answer("stream: OK"));
  EXPECT_FALSE(*read_clamd_answer("stream: OK\0"sv));
  EXPECT_EQ(**read_clamd_answer("stream: Eicar-Test-Signature FOUND"), "Eicar-Test-Signature");
  EXPECT_EQ(**read_clamd_answer("stream: A FOUND B FOUND\n"), "A FOUND B");
  EXPECT_EQ(**read_clamd_answer("stream: a\"\nb\x1B FOUND"), "a\"?b?");
}

TEST(ClamdAnswer, everything_else_is_no_verdict) {
  EXPECT_EQ(read_clamd_answer("INSTREAM size limit exceeded. ERROR").error().code,
            ErrorCode::unscanned);
  for (const std::string_view answer :
       {""sv, "\0"sv, "OK"sv, "stream: "sv, "stream:  FOUND"sv, "stream: FOUND"sv, "FOUND"sv,
        "stream: OKAY"sv, "stream: Can't open file or directory ERROR"sv, "UNKNOWN COMMAND"sv}) {
    const auto read = read_clamd_answer(answer);
    ASSERT_FALSE(read) << answer;
    EXPECT_EQ(read.error().code, ErrorCode::scan_failed) << answer;
    EXPECT_LT(read.error().message.size(), 300u);
  }
}

std::string second_opinion(std::string_view bytes, std::string_view declared) {
  const auto opinion = libmagic_type(as_bytes(bytes));
  EXPECT_TRUE(opinion) << opinion.error().message;
  const auto finding = judge_opinion(opinion.value_or(""), declared);
  return finding ? std::string(name_of(finding->code)) : "harmless";
}

TEST(SecondOpinion, programs_and_disguised_scripts_are_told) {
  constexpr std::string_view kShell = "#!/bin/sh\nrm -rf /\n";
  constexpr std::string_view kPhp = "<?php system($_GET['c']); ?>\n";
  EXPECT_EQ(second_opinion(kShell, "application/pdf"), "active_content");
  EXPECT_EQ(second_opinion(kPhp, "application/msword"), "active_content");
  EXPECT_EQ(second_opinion(kShell, "text/plain"), "harmless");
  EXPECT_EQ(second_opinion(kShell, "application/x-sh"), "harmless");
  EXPECT_EQ(second_opinion(kShell, "application/octet-stream"), "harmless");
  EXPECT_EQ(second_opinion(kShell, ""), "harmless");
  EXPECT_EQ(second_opinion("plain words", "application/pdf"), "harmless");
  EXPECT_EQ(second_opinion("%PDF-1.7\n", "application/pdf"), "harmless");
  EXPECT_EQ(second_opinion("", "application/pdf"), "harmless");
  const std::string elf =
      "\x7F"
      "ELF\2\1\1" +
      std::string(9, '\0') + std::string("\2\0\x3E\0\1\0\0\0", 8) + std::string(100, '\0');
  EXPECT_EQ(second_opinion(elf, "application/octet-stream"), "executable");
}

}  // namespace
}  // namespace media::scan
