#include "indexer/metrics/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "indexer/metrics/snapshot.hpp"
#include "indexer_fixture.hpp"

namespace media::metrics {
namespace {

using std::chrono_literals::operator""ms;
using testing::HasSubstr;
using testing::Not;

class MetricsTest : public testing::Test {
 protected:
  std::string text() const { return metrics_.text(now_); }

  Metrics metrics_{{"whatsapp", "twilio"}};
  Snapshot now_;
};

TEST_F(MetricsTest, every_series_of_a_provider_is_there_before_it_counts) {
  EXPECT_THAT(
      text(),
      HasSubstr("media_webhook_requests_total{outcome=\"unauthorized\",provider=\"twilio\"} 0\n"));
  EXPECT_THAT(text(), HasSubstr("media_ingest_deadline_seconds_count{provider=\"whatsapp\"} 0\n"));
}

TEST_F(MetricsTest, a_completed_download_counts_in_all_that_it_concerns) {
  metrics_.download_started("whatsapp");
  metrics_.download_completed("whatsapp", {1000, false, 40ms, 200});
  metrics_.download_completed("whatsapp", {500, true, 40ms, std::nullopt});
  const std::string seen = text();
  EXPECT_THAT(seen, HasSubstr("media_downloads_started_total{provider=\"whatsapp\"} 1\n"));
  EXPECT_THAT(seen, HasSubstr("media_downloads_completed_total{provider=\"whatsapp\"} 2\n"));
  EXPECT_THAT(seen, HasSubstr("media_downloaded_bytes_total{provider=\"whatsapp\"} 1500\n"));
  EXPECT_THAT(seen, HasSubstr("media_dedup_bytes_saved_total 500\n"));
  EXPECT_THAT(
      seen,
      HasSubstr("media_download_duration_seconds_bucket{provider=\"whatsapp\",le=\"0.025\"} 0"));
  EXPECT_THAT(seen, HasSubstr("media_ingest_deadline_seconds_count{provider=\"whatsapp\"} 1\n"));
  EXPECT_THAT(seen, HasSubstr("media_ingest_deadline_seconds_sum{provider=\"whatsapp\"} 200\n"));
}

TEST_F(MetricsTest, what_came_too_late_counts_as_no_time_left) {
  metrics_.download_completed("twilio", {1, false, 1ms, -5});
  EXPECT_THAT(text(), HasSubstr("media_ingest_deadline_seconds_sum{provider=\"twilio\"} 0\n"));
}

TEST_F(MetricsTest, failures_tell_their_reason_and_expiry_counts_apart) {
  metrics_.download_retried("twilio", ErrorCode::network);
  metrics_.download_failed("twilio", ErrorCode::gone);
  metrics_.download_failed("whatsapp", ErrorCode::expired);
  const std::string seen = text();
  EXPECT_THAT(
      seen, HasSubstr("media_download_retries_total{provider=\"twilio\",reason=\"network\"} 1\n"));
  EXPECT_THAT(seen,
              HasSubstr("media_downloads_failed_total{provider=\"twilio\",reason=\"gone\"} 1\n"));
  EXPECT_THAT(seen, HasSubstr("media_expired_total{provider=\"whatsapp\"} 1\n"));
  EXPECT_THAT(seen, HasSubstr("media_expired_total{provider=\"twilio\"} 0\n"));
}

TEST_F(MetricsTest, names_that_anybody_may_write_do_not_become_labels) {
  for (const char* name : {"pigeon", "", "whatsapp\"} 1\nx"}) {
    metrics_.webhook(name, WebhookOutcome::unknown, 1ms);
    metrics_.download_failed(name, ErrorCode::network);
  }
  const std::string seen = text();
  EXPECT_THAT(seen, Not(HasSubstr("pigeon")));
  EXPECT_THAT(
      seen, HasSubstr("media_webhook_requests_total{outcome=\"unknown\",provider=\"other\"} 3\n"));
  EXPECT_THAT(seen,
              HasSubstr("media_downloads_failed_total{provider=\"other\",reason=\"network\"} 3\n"));
}

TEST_F(MetricsTest, a_database_that_is_away_leaves_the_queue_out) {
  EXPECT_THAT(text(), HasSubstr("media_database_up 0\n"));
  EXPECT_THAT(text(), Not(HasSubstr("media_queue_jobs")));
  now_.queue = QueueSample{3, 5, 2, 1, 4.5};
  EXPECT_THAT(text(), HasSubstr("media_database_up 1\n"));
  EXPECT_THAT(text(), HasSubstr("media_queue_jobs{state=\"waiting\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("media_ingest_oldest_pending_seconds 4.5\n"));
}

TEST_F(MetricsTest, each_store_is_up_or_down) {
  now_.stores = {{"local", true}, {"s3", false}};
  EXPECT_THAT(text(), HasSubstr("media_store_up{store=\"local\"} 1\n"));
  EXPECT_THAT(text(), HasSubstr("media_store_up{store=\"s3\"} 0\n"));
}

TEST(ProcessSample, tells_of_this_process) {
  const ProcessSample process = sample_process();
  EXPECT_GT(process.resident_bytes, 1 << 20);
  EXPECT_GE(process.open_files, 3);
  EXPECT_LE(process.open_files, process.max_files);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const double age = Seconds(now).count() - process.start_time;
  EXPECT_GE(age, -0.1);
  EXPECT_LT(age, 600);
}

TEST(FreeBytes, are_nothing_where_nothing_is) {
  EXPECT_GT(free_bytes("/tmp"), 0u);
  EXPECT_FALSE(free_bytes("/nonexistent"));
}

}  // namespace
}  // namespace media::metrics
