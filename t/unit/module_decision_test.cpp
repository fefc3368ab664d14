#include <gtest/gtest.h>

#include "ngx_media_module/decision.hpp"

namespace media::nginx {
namespace {

const Uuid kOurs = *Uuid::parse("00000000-0000-0000-0000-000000000001");
const Uuid kTheirs = *Uuid::parse("00000000-0000-0000-0000-000000000002");

MediaRecord ours(DownloadStatus status) {
  MediaRecord record;
  record.company = kOurs;
  record.status = status;
  return record;
}

TEST(Decide, follows_the_state_of_the_callers_own_media) {
  EXPECT_EQ(decide(ours(DownloadStatus::completed), kOurs), Decision::granted);
  EXPECT_EQ(decide(ours(DownloadStatus::pending), kOurs), Decision::pending);
  EXPECT_EQ(decide(ours(DownloadStatus::downloading), kOurs), Decision::pending);
  EXPECT_EQ(decide(ours(DownloadStatus::failed), kOurs), Decision::failed);
}

TEST(Decide, tells_nobody_else_anything) {
  for (const auto status : {DownloadStatus::completed, DownloadStatus::pending,
                            DownloadStatus::downloading, DownloadStatus::failed}) {
    EXPECT_EQ(decide(ours(status), kTheirs), Decision::other_company);
    EXPECT_EQ(decide(ours(status), std::nullopt), Decision::other_company);
  }
}

TEST(Decide, does_not_open_public_media_to_other_companies) {
  auto record = ours(DownloadStatus::completed);
  record.is_public = true;
  EXPECT_EQ(decide(record, kTheirs), Decision::other_company);
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
  EXPECT_EQ(status_of(Decision::bad_method), 405);
  EXPECT_EQ(status_of(Decision::unavailable), 503);
  EXPECT_EQ(status_of(Decision::broken), 500);
  EXPECT_EQ(name_of(Decision::broken), "broken");
}

}  // namespace
}  // namespace media::nginx
