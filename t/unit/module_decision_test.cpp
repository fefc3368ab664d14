#include <gtest/gtest.h>

#include "ngx_media_module/answer/decision.hpp"

namespace media::nginx {
namespace {

constexpr std::string_view kOurs = "00000000-0000-0000-0000-000000000001";
constexpr std::string_view kTheirs = "00000000-0000-0000-0000-000000000002";

MediaRecord ours(DownloadStatus status) {
  MediaRecord record;
  record.company = kOurs;
  record.status = status;
  return record;
}

Rights member_of(std::string_view companies) { return {.companies = companies}; }

TEST(Decide, follows_the_state_of_the_callers_own_media) {
  const Rights rights = member_of(kOurs);
  EXPECT_EQ(decide(ours(DownloadStatus::completed), rights), Decision::granted);
  EXPECT_EQ(decide(ours(DownloadStatus::pending), rights), Decision::pending);
  EXPECT_EQ(decide(ours(DownloadStatus::downloading), rights), Decision::pending);
  EXPECT_EQ(decide(ours(DownloadStatus::failed), rights), Decision::failed);
}

TEST(Decide, tells_nobody_else_anything) {
  for (const auto status : {DownloadStatus::completed, DownloadStatus::pending,
                            DownloadStatus::downloading, DownloadStatus::failed}) {
    EXPECT_EQ(decide(ours(status), member_of(kTheirs)), Decision::other_company);
    EXPECT_EQ(decide(ours(status), Rights{}), Decision::other_company);
  }
}

TEST(Decide, opens_public_media_only_where_that_is_asked_for) {
  auto record = ours(DownloadStatus::completed);
  record.is_public = true;
  EXPECT_EQ(decide(record, member_of(kTheirs)), Decision::other_company);
  EXPECT_EQ(decide(record, Rights{.sees_public = true}), Decision::granted);
  EXPECT_EQ(decide(ours(DownloadStatus::completed), Rights{.sees_public = true}),
            Decision::other_company);
}

TEST(Decide, a_link_opens_what_it_was_made_for) {
  EXPECT_EQ(decide(ours(DownloadStatus::completed), Rights{.is_linked = true}), Decision::granted);
}

TEST(NamesCompany, compares_whole_names) {
  EXPECT_TRUE(names_company("a,b,c", "a"));
  EXPECT_TRUE(names_company("a,b,c", "c"));
  EXPECT_FALSE(names_company("ab,bc", "b"));
  EXPECT_FALSE(names_company("ab,bc", "ab,bc"));
  EXPECT_FALSE(names_company("", ""));
}

TEST(StatusOf, does_not_tell_what_is_absent_from_what_is_not_ours) {
  for (const auto decision :
       {Decision::absent, Decision::other_company, Decision::bad_id, Decision::failed}) {
    EXPECT_EQ(status_of(decision), 404) << name_of(decision);
  }
}

TEST(StatusOf, every_decision_has_its_status_and_name) {
  EXPECT_EQ(status_of(Decision::undecided), 0);
  EXPECT_EQ(status_of(Decision::granted), 200);
  EXPECT_EQ(status_of(Decision::pending), 202);
  EXPECT_EQ(status_of(Decision::no_token), 401);
  EXPECT_EQ(status_of(Decision::bad_token), 401);
  EXPECT_EQ(status_of(Decision::no_link), 403);
  EXPECT_EQ(status_of(Decision::bad_link), 403);
  EXPECT_EQ(status_of(Decision::bad_method), 405);
  EXPECT_EQ(status_of(Decision::unavailable), 503);
  EXPECT_EQ(status_of(Decision::broken), 500);
  EXPECT_EQ(name_of(Decision::broken), "broken");
  EXPECT_EQ(static_cast<std::size_t>(Decision::broken) + 1, kDecisions);
}

}  // namespace
}  // namespace media::nginx
