// The states of facts about WhatsApp's and generic media, against a scripted client.
#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "core/encoding.hpp"
#include "indexer/config.hpp"
#include "indexer/fetch/download_job.hpp"
#include "indexer/metrics/snapshot.hpp"
#include "indexer_fetch_fixture.hpp"
#include "indexer_fixture.hpp"
#include "indexer_provider_fixture.hpp"
#include "indexer_queue_fixture.hpp"

namespace media::fetch {
namespace {

using Kind = queue::Outcome::Kind;
using queue::Completion;
using test::Answer;

constexpr std::int64_t kNow = 1795250000;
const std::string kGraph = "https://graph.facebook.com/v24.0/77?phone_number_id=109";
const std::string kGraphBare = "https://graph.facebook.com/v24.0/77";
const std::string kOldUrl = "https://lookaside.fbsbx.com/old";
const std::string kNewUrl = "https://lookaside.fbsbx.com/new";

std::string graph_error(int code) { return R"({"error":{"code":)" + std::to_string(code) + "}}"; }

class DownloadTest : public testing::Test {
 protected:
  DownloadTest() {
    job_.id = 1;
    job_.kind = "download";
    job_.attempts = 1;
    job_.max_attempts = 8;
    job_.media_id = "0190-media";
    job_.company_id = "company";
    job_.account_id = "account";
    job_.provider = "whatsapp";
    job_.account_external_id = "109";
    job_.message_external_id = "wamid.1";
    job_.sent_at = kNow;
    job_.provider_media_id = "77";
    job_.file_type = "image";
    job_.declared_mime_type = "image/jpeg";
    job_.deadline = kNow + 7 * 86400;
    job_.bucket = "images";
    job_.max_bytes = 1 << 20;
    job_.key_template = "{company}/{message}-{index}.{ext}";
    control_.lease_until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    client_.script[kGraph] = {{200, media_answer(kNewUrl)}};
    client_.script[kNewUrl] = {{200, photo_}};
  }

  static std::string media_answer(const std::string& url) {
    return R"({"url":")" + url +
           R"(","file_size":224,"sha256":")"
           "37c4f67768e6f6371c70a4b465d88d80ff184b0087816a266ee6cc8170e5ea2d\"}";
  }

  queue::Outcome run() {
    RetrievalTools tools{
        client_,
        stores_.all,
        [this](boost::asio::yield_context, const queue::Job&, bool reread) -> Result<AccountPtr> {
          if (reread) ++rereads_;
          if (reread && !next_token_.empty()) token_ = next_token_;
          auto account = std::make_shared<providers::Account>();
          account->external_id = job_.account_external_id;
          for (const char* name : {"access_token", "auth_token", "bot_token", "api_key"}) {
            account->secrets.add(name, token_);
          }
          account->switches = switches_;
          return account;
        },
        [this] { return now_; },
        progress_,
        metrics_};
    tools.inspect = inspect_;
    tools.on_quarantined = on_quarantined_;
    if (downloads_ == nullptr) {
      downloads_ = std::make_unique<DownloadJobs>(loop_, tools, registry_, jobs_, RetryPolicy(),
                                                  [] { return 0.5; });
    }
    queue::Outcome outcome;
    test::run(loop_, [&](boost::asio::yield_context yield) {
      outcome = downloads_->run(yield, job_, control_);
    });
    return outcome;
  }

  void use_generic(const std::string& url) {
    job_.provider = "generic";
    job_.provider_media_id.clear();
    job_.url = url;
    job_.url_expires_at = 0;
    job_.deadline = 0;
  }

  const std::string photo_ = test::provider_fixture("media/photo.jpg");
  const std::string page_ = test::provider_fixture("media/login-page.html");
  boost::asio::io_context loop_{1};
  test::FakeHttpClient client_;
  test::FakeStores stores_;
  test::FakeBlobStore& store_ = *stores_.local;
  test::FakeStaging& staging_ = *stores_.staging;
  test::FakeJobStore jobs_;
  providers::Registry registry_{Config()};
  ProgressBoard progress_;
  metrics::Metrics metrics_{{"whatsapp", "generic"}};
  queue::Job job_;
  queue::JobControl control_;
  std::unique_ptr<DownloadJobs> downloads_;
  Inspect inspect_;
  std::function<void()> on_quarantined_;
  std::string token_ = "TOKEN";
  std::string next_token_;
  std::set<std::string, std::less<>> switches_;
  std::int64_t now_ = kNow;
  int rereads_ = 0;
};

TEST_F(DownloadTest, an_id_is_resolved_downloaded_and_recorded) {
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{kGraph, kNewUrl}));
  EXPECT_EQ(client_.credentials, (std::vector<std::string>{"Bearer TOKEN", "Bearer TOKEN"}));
  EXPECT_EQ(store_.files.at("company/wamid.1-0.jpg"), photo_);
  ASSERT_EQ(jobs_.recorded.size(), 1u);
  EXPECT_EQ(jobs_.recorded[0].mime_type, "image/jpeg");
  EXPECT_EQ(jobs_.recorded[0].size, photo_.size());
  EXPECT_TRUE(jobs_.sources.empty());
}

TEST_F(DownloadTest, what_comes_of_a_download_is_counted) {
  run();
  client_.script[kNewUrl] = {{503, ""}};
  run();
  client_.script[kGraph] = {{400, R"({"error":{"code":100,"error_subcode":33}})"}};
  run();
  job_.deadline = kNow - 1;
  run();
  const std::string seen = metrics_.text({});
  for (const char* line :
       {"media_downloads_started_total{provider=\"whatsapp\"} 4",
        "media_downloads_completed_total{provider=\"whatsapp\"} 1",
        "media_ingest_deadline_seconds_sum{provider=\"whatsapp\"} 604800",
        "media_download_retries_total{provider=\"whatsapp\",reason=\"network\"} 1",
        "media_downloads_failed_total{provider=\"whatsapp\",reason=\"gone\"} 1",
        "media_downloads_failed_total{provider=\"whatsapp\",reason=\"expired\"} 1",
        "media_expired_total{provider=\"whatsapp\"} 1",
        "media_provider_url_refresh_total{outcome=\"found\",provider=\"whatsapp\"} 2",
        "media_provider_url_refresh_total{outcome=\"gone\",provider=\"whatsapp\"} 1"}) {
    EXPECT_NE(seen.find(std::string(line) + "\n"), std::string::npos) << line;
  }
}

TEST_F(DownloadTest, a_young_url_saves_the_resolution) {
  job_.url = kOldUrl;
  job_.url_expires_at = kNow + 300;
  client_.script[kOldUrl] = {{200, photo_}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, std::vector<std::string>{kOldUrl});
}

TEST_F(DownloadTest, an_expired_url_is_resolved_before_it_is_tried) {
  job_.url = kOldUrl;
  job_.url_expires_at = kNow + 5;
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{kGraph, kNewUrl}));
}

TEST_F(DownloadTest, a_dead_url_is_resolved_again) {
  for (const int status : {404, 403, 410}) {
    client_.urls.clear();
    job_.url = kOldUrl;
    job_.url_expires_at = kNow + 300;
    client_.script[kOldUrl] = {{status, "gone"}};
    EXPECT_EQ(run().kind, Kind::completed) << status;
    EXPECT_EQ(client_.urls, (std::vector<std::string>{kOldUrl, kGraph, kNewUrl}));
  }
}

TEST_F(DownloadTest, resolving_again_has_an_end) {
  client_.script[kNewUrl] = {{404, "gone"}};
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.reason, ErrorCode::gone);
  EXPECT_EQ(client_.urls.size(), 6u);
}

TEST_F(DownloadTest, an_unknown_id_is_asked_once_more_without_the_number) {
  client_.script[kGraph] = {{400, graph_error(100)}};
  client_.script[kGraphBare] = {{200, media_answer(kNewUrl)}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{kGraph, kGraphBare, kNewUrl}));
}

TEST_F(DownloadTest, an_id_that_is_unknown_either_way_is_gone) {
  client_.script[kGraph] = {{400, graph_error(100)}};
  client_.script[kGraphBare] = {{400, graph_error(100)}};
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.reason, ErrorCode::gone);
}

TEST_F(DownloadTest, a_replaced_token_is_read_again_and_used) {
  client_.script[kGraph] = {{401, graph_error(190)}, {200, media_answer(kNewUrl)}};
  next_token_ = "NEWTOKEN";
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(rereads_, 1);
  EXPECT_EQ(client_.credentials.back(), "Bearer NEWTOKEN");
}

TEST_F(DownloadTest, a_refused_token_is_the_accounts_affair) {
  client_.script[kGraph] = {{401, graph_error(190)}};
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::retry);
  EXPECT_EQ(outcome.reason, ErrorCode::unauthorized);
  EXPECT_EQ(outcome.scope, queue::Scope::account);
}

TEST_F(DownloadTest, a_403_of_one_item_does_not_suspend_the_others) {
  client_.script[kNewUrl] = {{403, ""}};
  const auto outcome = run();
  EXPECT_EQ(outcome.reason, ErrorCode::unauthorized);
  EXPECT_EQ(outcome.scope, queue::Scope::media);
  client_.script[kNewUrl] = {{200, photo_}};
  EXPECT_EQ(run().kind, Kind::completed);
}

TEST_F(DownloadTest, a_size_that_the_bucket_does_not_take_is_not_even_asked_for) {
  client_.script[kGraph] = {{200, R"({"url":")" + kNewUrl + R"(","file_size":10737418240})"}};
  EXPECT_EQ(run().reason, ErrorCode::too_large);
  EXPECT_EQ(client_.urls, std::vector<std::string>{kGraph});
}

TEST_F(DownloadTest, a_media_host_that_refuses_the_token_is_asked_once_more) {
  job_.url = kOldUrl;
  job_.url_expires_at = kNow + 300;
  client_.script[kOldUrl] = {{401, ""}};
  EXPECT_EQ(run().kind, Kind::completed);
  client_.script[kNewUrl] = {{401, ""}};
  EXPECT_EQ(run().reason, ErrorCode::unauthorized);
}

TEST_F(DownloadTest, a_rate_limit_is_waited_out) {
  client_.script[kGraph] = {{400, graph_error(80007)}};
  EXPECT_GE(run().delay, std::chrono::seconds(60));
  client_.script[kGraph] = {{429, "", "", "7"}};
  const auto outcome = run();
  EXPECT_EQ(outcome.reason, ErrorCode::rate_limited);
  EXPECT_EQ(outcome.scope, queue::Scope::account);
  EXPECT_EQ(outcome.delay, std::chrono::seconds(7));
}

TEST_F(DownloadTest, a_media_host_that_knows_the_account_limits_the_account) {
  client_.script[kNewUrl] = {{429, "", "", "7"}};
  const auto outcome = run();
  EXPECT_EQ(outcome.scope, queue::Scope::account);
  EXPECT_EQ(outcome.delay, std::chrono::seconds(7));
}

TEST_F(DownloadTest, a_host_that_does_not_limits_itself) {
  use_generic("https://files.example/a.jpg");
  client_.script["https://files.example/a.jpg"] = {{429, "", "", "7"}};
  const auto outcome = run();
  EXPECT_EQ(outcome.scope, queue::Scope::host);
  EXPECT_EQ(outcome.delay, std::chrono::seconds(7));
}

TEST_F(DownloadTest, passing_failures_keep_the_fresh_url_for_the_next_attempt) {
  client_.script[kNewUrl] = {{503, "", "", "3"}};
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::retry);
  EXPECT_EQ(outcome.reason, ErrorCode::network);
  EXPECT_EQ(outcome.delay, std::chrono::milliseconds(3500));
  ASSERT_EQ(jobs_.sources.size(), 1u);
  EXPECT_EQ(jobs_.sources[0].first, kNewUrl);
  EXPECT_EQ(jobs_.sources[0].second, kNow + 300);
}

TEST_F(DownloadTest, wrong_bytes_make_the_url_suspect) {
  client_.script[kNewUrl] = {{200, page_}};
  EXPECT_EQ(run().reason, ErrorCode::unexpected_html);
  ASSERT_EQ(jobs_.sources.size(), 1u);
  EXPECT_EQ(jobs_.sources[0].second, kNow);
  EXPECT_TRUE(store_.files.empty());
  EXPECT_EQ(staging_.open_uploads, 0);
}

TEST_F(DownloadTest, wrong_bytes_on_a_later_attempt_are_looked_at_twice) {
  job_.attempts = 3;
  client_.script[kNewUrl] = {{200, page_}, {200, photo_}};
  EXPECT_EQ(run().kind, Kind::completed);
  client_.script[kNewUrl] = {{200, page_}};
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.reason, ErrorCode::unexpected_html);
}

TEST_F(DownloadTest, graphs_own_digest_is_checked_when_the_webhook_had_none) {
  std::string other = photo_;
  other.back() ^= 1;
  client_.script[kNewUrl] = {{200, other}};
  EXPECT_EQ(run().reason, ErrorCode::hash_mismatch);
}

TEST_F(DownloadTest, the_webhooks_url_must_be_of_a_media_host_or_graph_is_asked) {
  job_.url = "https://evil.test/x";
  job_.url_expires_at = kNow + 300;
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{kGraph, kNewUrl}));
}

TEST_F(DownloadTest, a_resolved_url_of_another_host_is_refused) {
  client_.script[kGraph] = {{200, R"({"url":"https://evil.test/x"})"}};
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.reason, ErrorCode::blocked_address);
  EXPECT_EQ(client_.urls, std::vector<std::string>{kGraph});
}

TEST_F(DownloadTest, after_the_deadline_nothing_is_tried) {
  now_ = job_.deadline;
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.reason, ErrorCode::expired);
  EXPECT_TRUE(client_.urls.empty());
}

TEST_F(DownloadTest, generic_media_is_fetched_without_a_credential) {
  use_generic("https://any.test/a.jpg");
  client_.script["https://any.test/a.jpg"] = {{200, photo_, "", "", true}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.credentials, std::vector<std::string>{""});
}

TEST_F(DownloadTest, a_generic_404_may_be_too_early_but_not_for_long) {
  use_generic("https://any.test/a.jpg");
  client_.script[job_.url] = {{404, ""}};
  EXPECT_EQ(run().kind, Kind::retry);
  job_.attempts = 3;
  EXPECT_EQ(run().reason, ErrorCode::gone);
  EXPECT_EQ(run().kind, Kind::failed);
}

TEST_F(DownloadTest, a_generic_url_that_answers_403_or_410_is_over) {
  use_generic("https://any.test/a.jpg");
  client_.script[job_.url] = {{403, ""}};
  EXPECT_EQ(run().reason, ErrorCode::expired);
  client_.script[job_.url] = {{410, ""}};
  EXPECT_EQ(run().reason, ErrorCode::gone);
  client_.script[job_.url] = {{401, ""}};
  EXPECT_EQ(run().reason, ErrorCode::unauthorized);
  client_.script[job_.url] = {{429, "", "", "1"}};
  EXPECT_EQ(run().reason, ErrorCode::rate_limited);
}

class TwilioDownload : public DownloadTest {
 protected:
  TwilioDownload() {
    job_.provider = "twilio";
    job_.account_external_id = "ACa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
    job_.url = "https://api.twilio.com" + kPath;
    job_.url_expires_at = 0;
    job_.deadline = 0;
    client_.script[job_.url] = {{302, "", kCdn}};
    client_.script[kCdn] = {{200, photo_}};
  }
  const std::string kPath =
      "/2010-04-01/Accounts/ACa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1/Messages/"
      "MMc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3/Media/MEd4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4";
  const std::string kCdn = "https://mms.twiliocdn.com/AC/x?Signature=s";
  const std::string kBasic = "Basic QUNhMWExYTFhMWExYTFhMWExYTFhMWExYTFhMWExYTFhMTpUT0tFTg==";
};

TEST_F(TwilioDownload, basic_authentication_stays_on_the_first_hop) {
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{job_.url, kCdn}));
  EXPECT_EQ(client_.credentials, (std::vector<std::string>{kBasic, ""}));
}

TEST_F(TwilioDownload, another_path_of_the_media_host_is_not_even_asked) {
  job_.url = "https://api.twilio.com/2010-04-01/Accounts.json";
  EXPECT_EQ(run().reason, ErrorCode::blocked_address);
  EXPECT_TRUE(client_.urls.empty());
}

TEST_F(TwilioDownload, a_redirect_back_to_another_path_gets_no_credential) {
  client_.script[job_.url] = {{302, "", "https://api.twilio.com/2010-04-01/Accounts.json"}};
  client_.script["https://api.twilio.com/2010-04-01/Accounts.json"] = {{200, photo_}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.credentials, (std::vector<std::string>{kBasic, ""}));
}

TEST_F(TwilioDownload, a_404_is_waited_out_while_the_message_is_young) {
  client_.script[job_.url] = {{404, ""}};
  job_.attempts = 5;
  now_ = kNow + 119;
  EXPECT_EQ(run().kind, Kind::retry);
  now_ = kNow + 120;
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::failed);
  EXPECT_EQ(outcome.reason, ErrorCode::gone);
}

TEST_F(TwilioDownload, a_link_that_the_cdn_refuses_is_made_anew_by_another_attempt) {
  for (const int status : {400, 403}) {
    client_.script[kCdn] = {{status, "<Error/>"}};
    const auto outcome = run();
    EXPECT_EQ(outcome.kind, Kind::retry);
    EXPECT_EQ(outcome.reason, ErrorCode::network);
    EXPECT_EQ(rereads_, 0);
  }
}

TEST_F(TwilioDownload, a_refused_token_is_read_again_then_keeps_the_account_waiting) {
  for (const int status : {401, 403}) {
    client_.script[job_.url] = {{status, ""}};
    const auto outcome = run();
    EXPECT_EQ(outcome.kind, Kind::retry);
    EXPECT_EQ(outcome.reason, ErrorCode::unauthorized);
    EXPECT_EQ(outcome.scope, queue::Scope::account);
  }
  EXPECT_EQ(rereads_, 2);
  client_.script[job_.url] = {{401, ""}, {302, "", kCdn}};
  next_token_ = "NEW";
  EXPECT_EQ(run().kind, Kind::completed);
}

TEST_F(TwilioDownload, the_copy_there_is_deleted_once_ours_is_recorded) {
  const std::string deletion = "DELETE " + job_.url + ".json";
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(std::ranges::count(client_.urls, deletion), 0);
  switches_.insert("delete_after_storage");
  client_.script[job_.url + ".json"] = {{204, ""}};
  client_.on_request = [&](const std::string& url) {
    if (url.ends_with(".json")) {
      EXPECT_EQ(jobs_.recorded.size(), 2u);
    }
  };
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls.back(), deletion);
  EXPECT_EQ(client_.credentials.back(), kBasic);
}

TEST_F(TwilioDownload, a_deletion_that_does_not_work_fails_nothing) {
  switches_.insert("delete_after_storage");
  client_.script[job_.url + ".json"] = {{401, ""}};
  EXPECT_EQ(run().kind, Kind::completed);
  client_.script[kCdn] = {{410, ""}};
  const auto asked = client_.urls.size();
  EXPECT_EQ(run().kind, Kind::failed);
  EXPECT_EQ(client_.urls.size(), asked + 2);  // nothing was stored: nothing is deleted
}

class DiscordDownload : public DownloadTest {
 protected:
  DiscordDownload() {
    job_.provider = "discord";
    job_.provider_media_id = "9/7/5";
    job_.url = "https://cdn.discordapp.com/attachments/9/5/a.png?ex=1";
    job_.url_expires_at = kNow + 10;
    job_.deadline = 0;
    client_.script[kFresh] = {{200, photo_}};
  }
  const std::string kRefresh = "https://discord.com/api/v10/attachments/refresh-urls";
  const std::string kMessage = "https://discord.com/api/v10/channels/9/messages/7";
  const std::string kFresh = "https://cdn.discordapp.com/attachments/9/5/a.png?ex=6b02a8d0";
};

TEST_F(DiscordDownload, an_expiring_url_is_refreshed_with_the_bots_token_only_there) {
  client_.script[kRefresh] = {{200, R"({"refreshed_urls":[{"refreshed":")" + kFresh + R"("}]})"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{"POST " + kRefresh, kFresh}));
  EXPECT_EQ(client_.bodies.at(0), R"({"attachment_urls":[")" + job_.url + R"("]})");
  EXPECT_EQ(client_.credentials, (std::vector<std::string>{"Bot TOKEN", ""}));
}

TEST_F(DiscordDownload, where_that_is_unknown_the_message_is_read) {
  client_.script[kRefresh] = {{404, R"({"code":0})"}};
  client_.script[kMessage] = {{200, R"({"attachments":[{"id":"5","url":")" + kFresh + R"("}]})"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(client_.urls, (std::vector<std::string>{"POST " + kRefresh, kMessage, kFresh}));
}

TEST_F(DiscordDownload, an_attachment_that_neither_knows_is_gone) {
  client_.script[kRefresh] = {{200, R"({"refreshed_urls":[{"refreshed":null}]})"}};
  client_.script[kMessage] = {{404, R"({"code":10008})"}};
  EXPECT_EQ(run().reason, ErrorCode::gone);
}

TEST_F(DownloadTest, suspicious_bytes_go_into_quarantine_and_are_not_published) {
  use_generic("https://files.test/a");
  client_.script[job_.url] = {{200, "MZ" + std::string(100, '\0')}};
  bool was_told = false;
  on_quarantined_ = [&] { was_told = true; };
  EXPECT_EQ(run().kind, Kind::completed);
  ASSERT_EQ(jobs_.set_aside.size(), 1u);
  EXPECT_EQ(jobs_.set_aside[0].second.code, ErrorCode::executable);
  EXPECT_TRUE(staging_.in_quarantine.contains(job_.media_id));
  EXPECT_TRUE(store_.files.empty() && jobs_.recorded.empty());
  EXPECT_TRUE(was_told);
}

TEST_F(DownloadTest, an_inspection_can_find_more_than_the_bytes_show) {
  inspect_ = [](boost::asio::yield_context, const ReceivedMedia&, const queue::Job&) {
    return Result<Finding>(Error{ErrorCode::malware, "Eicar"});
  };
  EXPECT_EQ(run().kind, Kind::completed);
  ASSERT_EQ(jobs_.set_aside.size(), 1u);
  EXPECT_EQ(jobs_.set_aside[0].second.code, ErrorCode::malware);
  EXPECT_TRUE(store_.files.empty());
}

TEST_F(DownloadTest, without_an_inspection_that_should_be_nothing_is_shown) {
  inspect_ = [](boost::asio::yield_context, const ReceivedMedia&, const queue::Job&) {
    return Result<Finding>(media::fail(ErrorCode::scan_failed, "clamd is away"));
  };
  const auto outcome = run();
  EXPECT_EQ(outcome.kind, Kind::retry);
  EXPECT_EQ(outcome.reason, ErrorCode::scan_failed);
  EXPECT_TRUE(store_.files.empty() && staging_.in_quarantine.empty());
}

TEST_F(DownloadTest, a_lease_lost_over_the_quarantine_changes_nothing) {
  inspect_ = [](boost::asio::yield_context, const ReceivedMedia&, const queue::Job&) {
    return Result<Finding>(Error{ErrorCode::malware, "Eicar"});
  };
  jobs_.lost = {job_.id};
  EXPECT_EQ(run().kind, Kind::lease_lost);
}

TEST_F(DownloadTest, known_content_is_not_stored_again) {
  jobs_.known_blob = queue::KnownBlob{"b", "local", "company/first.jpg"};
  jobs_.completions = {Completion{Completion::Kind::duplicate, "company/first.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  ASSERT_EQ(jobs_.recorded.size(), 1u);
  EXPECT_FALSE(jobs_.recorded[0].storage_key);
  EXPECT_TRUE(store_.files.empty());
}

TEST_F(DownloadTest, what_was_new_at_the_claim_is_not_asked_for_but_by_a_later_attempt) {
  job_.expected_sha256 = sha256(as_bytes(photo_));
  job_.is_content_new = true;
  jobs_.known_blob = queue::KnownBlob{"b", "local", "company/first.jpg"};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(jobs_.recorded.at(0).storage_key);
  job_.attempts = 2;
  jobs_.completions = {Completion{Completion::Kind::duplicate, "company/first.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_FALSE(jobs_.recorded.at(1).storage_key);
}

TEST_F(DownloadTest, the_file_of_a_killed_attempt_goes_when_its_content_is_known_by_then) {
  job_.attempts = 2;
  store_.files["company/wamid.1-0.jpg"] = photo_;
  jobs_.known_blob = queue::KnownBlob{"b", "local", "company/first.jpg"};
  jobs_.completions = {Completion{Completion::Kind::duplicate, "company/first.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(store_.files.empty());
  EXPECT_FALSE(jobs_.recorded.at(0).storage_key);
}

TEST_F(DownloadTest, keys_that_tenants_share_are_never_removed) {
  job_.key_template = "{message}-{index}.{ext}";
  jobs_.completions = {Completion{Completion::Kind::duplicate, "other.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  job_.attempts = 2;
  jobs_.known_blob = queue::KnownBlob{"b", "local", "other.jpg"};
  jobs_.completions = {Completion{Completion::Kind::duplicate, "other.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(store_.removed.empty());
}

TEST_F(DownloadTest, twins_that_arrive_together_take_turns) {
  KeyedLocks locks(loop_);
  std::vector<int> order;
  const auto turn = [&](boost::asio::yield_context yield, int number) {
    const auto held = locks.acquire(yield, "content");
    EXPECT_EQ(held.has_waited(), number > 1);
    order.push_back(number);
    boost::asio::steady_timer timer(loop_, std::chrono::milliseconds(5));
    timer.async_wait(yield);
    order.push_back(number);
  };
  for (int number = 1; number <= 3; ++number) {
    spawn(loop_, "turn", [&, number](boost::asio::yield_context yield) { turn(yield, number); });
  }
  loop_.run();
  EXPECT_EQ(order, (std::vector<int>{1, 1, 2, 2, 3, 3}));
}

TEST_F(DownloadTest, a_blob_that_vanished_meanwhile_is_stored_after_all) {
  jobs_.known_blob = queue::KnownBlob{"b", "local", "company/first.jpg"};
  jobs_.completions = {Completion{Completion::Kind::blob_missing, ""}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(jobs_.recorded.size(), 2u);
  EXPECT_EQ(store_.files.size(), 1u);
}

TEST_F(DownloadTest, the_file_of_a_lost_race_is_removed) {
  jobs_.completions = {Completion{Completion::Kind::duplicate, "company/other.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(store_.removed, std::vector<std::string>{"company/wamid.1-0.jpg"});
}

TEST_F(DownloadTest, the_file_of_a_lost_lease_stays) {
  jobs_.completions = {Completion{Completion::Kind::lease_lost, ""}};
  EXPECT_EQ(run().kind, Kind::lease_lost);
  EXPECT_TRUE(store_.removed.empty());
}

TEST_F(DownloadTest, a_commit_whose_answer_got_lost_is_recognised) {
  jobs_.completions = {fail(ErrorCode::unavailable, "connection lost"),
                       Completion{Completion::Kind::lease_lost, "company/wamid.1-0.jpg"}};
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(store_.removed.empty());
}

TEST_F(DownloadTest, a_key_of_another_tenant_is_left_alone) {
  jobs_.completions = {fail(ErrorCode::conflict, "23505")};
  EXPECT_EQ(run().kind, Kind::retry);
  EXPECT_TRUE(store_.removed.empty());
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(store_.files.contains("company/wamid.1-0-j1.jpg"));
}

TEST_F(DownloadTest, a_key_whose_file_is_being_removed_is_not_used_again) {
  jobs_.completions = {Completion{Completion::Kind::key_doomed, ""}};
  EXPECT_EQ(run().kind, Kind::retry);
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_EQ(store_.files.size(), 2U);
}

TEST_F(DownloadTest, the_store_is_the_one_of_the_bucket) {
  job_.bucket = "archived";
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(store_.files.empty());
  EXPECT_EQ(stores_.s3->files.at("company/wamid.1-0.jpg"), photo_);
  EXPECT_EQ(stores_.s3->metadata.at("company/wamid.1-0.jpg").content_type, "image/jpeg");
  EXPECT_EQ(jobs_.recorded.at(0).store, "s3");
}

TEST_F(DownloadTest, a_store_that_failed_is_looked_at_before_more_jobs_are_taken) {
  EXPECT_EQ(run().kind, Kind::completed);
  EXPECT_TRUE(downloads_->check_storage());
  staging_.health = fail(ErrorCode::storage, "no marker");
  EXPECT_TRUE(downloads_->check_storage());
  EXPECT_EQ(run().reason, ErrorCode::storage);
  EXPECT_FALSE(downloads_->check_storage());
  staging_.health = {};
  EXPECT_TRUE(downloads_->check_storage());
}

TEST_F(DownloadTest, a_cancelled_job_is_given_back) {
  control_.cancel();
  EXPECT_EQ(run().kind, Kind::released);
  EXPECT_TRUE(store_.files.empty());
}

TEST_F(DownloadTest, progress_is_known_while_it_runs_only) {
  std::optional<double> seen;
  std::string big = photo_ + std::string(20000, '\0');
  use_generic("https://any.test/a.jpg");
  client_.script[job_.url] = {{302, "", "https://any.test/b.jpg"}};
  client_.script["https://any.test/b.jpg"] = {{503, ""}};
  client_.on_request = [&](const std::string&) { seen = progress_.of(job_.media_id); };
  run();
  EXPECT_FALSE(seen);
  EXPECT_FALSE(progress_.of(job_.media_id));
  progress_.set("m", 25, 100);
  EXPECT_EQ(progress_.of("m"), 0.25);
}

TEST(StorageKey, follows_the_template_of_the_bucket) {
  queue::Job job;
  job.company_id = "c";
  job.media_id = "m";
  job.sender = "+44 7700";
  job.file_name = "../Invoice 3.final.pdf";
  job.sent_at = kNow;
  job.item_index = 2;
  job.key_template = "{yyyy}/{mm}/{dd}/{phone}/{category}/{unixtime}_{name}.{ext}";
  const auto key = storage_key_of(job, "application/pdf", 0);
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->starts_with("2026/11/21/"));
  EXPECT_NE(key->find("/messages/1795250000_"), std::string::npos);
  EXPECT_TRUE(key->ends_with(".pdf"));
  job.key_template = "{nonsense}";
  EXPECT_EQ(storage_key_of(job, "application/pdf", 0).error().code, ErrorCode::storage);
}

}  // namespace
}  // namespace media::fetch
