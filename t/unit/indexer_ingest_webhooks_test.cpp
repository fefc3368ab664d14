#include "indexer/ingest/webhooks.hpp"

#include <map>

#include <gtest/gtest.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/metrics/snapshot.hpp"
#include "indexer_fixture.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::ingest {
namespace {

constexpr std::int64_t kNow = 1795250000;
const std::string kNumber = "109876543210987";
const std::string kOtherNumber = "200000000000001";

class WebhooksTest : public testing::Test {
 protected:
  using Freshness = providers::AccountDirectory::Freshness;

  WebhooksTest() { add_account("whatsapp", kNumber, "a1", "app_secret", "secret one"); }

  void add_account(const std::string& provider, const std::string& external_id,
                   const std::string& id, const std::string& secret_name,
                   const std::string& secret) {
    auto account = std::make_shared<providers::Account>();
    account->id = id;
    account->external_id = external_id;
    account->secrets.add(secret_name, secret);
    account->secrets.add("verify_token", "vibecoding");
    accounts_[provider + "/" + external_id] = account;
  }

  WebhookDependencies dependencies() {
    WebhookDependencies dependencies;
    dependencies.find_account =
        [this](boost::asio::yield_context, std::string_view provider, std::string_view external_id,
               Freshness freshness) -> Result<std::shared_ptr<const providers::Account>> {
      if (is_away_) return fail(ErrorCode::unavailable, "database away");
      const std::string key = std::string(provider) + "/" + std::string(external_id);
      auto& source = freshness == Freshness::reread && fresh_.contains(key) ? fresh_ : accounts_;
      if (!source.contains(key)) return fail(ErrorCode::not_found, "no such account");
      return source[key];
    };
    dependencies.store = [this](boost::asio::yield_context,
                                const NewDelivery& delivery) -> Result<StoredDelivery> {
      if (store_is_away_) return fail(ErrorCode::unavailable, "database away");
      stored_.push_back(delivery);
      stored_bodies_.emplace_back(delivery.body);
      return StoredDelivery{"d1", true, 1};
    };
    dependencies.spool = [this](boost::asio::yield_context,
                                const SpooledRequest& spooled) -> Result<void> {
      if (spool_is_full_) return fail(ErrorCode::unavailable, "the spool is full");
      spooled_.push_back(spooled);
      return {};
    };
    dependencies.has_spooled = [this](const std::string& account_id) {
      return std::ranges::any_of(spooled_, [&](const SpooledRequest& spooled) {
        return spooled.account_id == account_id;
      });
    };
    dependencies.now = [this] { return now_; };
    dependencies.admit = [this](const std::string& account_id) -> RateLimit::Verdict {
      asked_about_.push_back(account_id);
      return {!is_limited_, 0};
    };
    return dependencies;
  }

  Result<void> replay(const SpooledRequest& spooled) {
    const Webhooks webhooks(registry_, dependencies(), metrics_);
    Result<void> replayed;
    test::run(loop_, [&](boost::asio::yield_context yield) {
      replayed = webhooks.replay(spooled, yield);
    });
    return replayed;
  }

  http::Response send(const http::Request& request) {
    const Webhooks webhooks(registry_, dependencies(), metrics_);
    http::Response response;
    test::run(loop_, [&](boost::asio::yield_context yield) {
      response = webhooks.handle(request, yield);
    });
    return response;
  }

  http::Request signed_request(const std::string& body, const std::string& secret,
                               const std::string& external_id = kNumber) {
    http::Request request = test::webhook_request(body);
    request.target = "/webhooks/whatsapp/" + external_id;
    request.headers = {{"Content-Type", "application/json"},
                       {"Authorization", "Bearer of-somebody"},
                       {"X-Hub-Signature-256",
                        "sha256=" + hex_encode(hmac_sha256(as_bytes(secret), as_bytes(body)))}};
    return request;
  }

  Json messages() { return Json::parse(stored_.at(0).messages_json).value(); }

  boost::asio::io_context loop_{1};
  providers::Registry registry_{Config()};
  metrics::Metrics metrics_{{"whatsapp", "generic"}};
  std::map<std::string, std::shared_ptr<const providers::Account>> accounts_;
  std::map<std::string, std::shared_ptr<const providers::Account>> fresh_;
  std::vector<NewDelivery> stored_;
  std::vector<std::string> stored_bodies_;
  bool is_away_ = false;
  bool store_is_away_ = false;
  std::vector<SpooledRequest> spooled_;
  bool spool_is_full_ = false;
  std::int64_t now_ = kNow;
  std::vector<std::string> asked_about_;
  bool is_limited_ = false;
};

TEST_F(WebhooksTest, beyond_its_rate_an_account_is_told_to_come_again) {
  const std::string body = test::provider_fixture("whatsapp/image_with_url.json");
  is_limited_ = true;
  const auto response = send(signed_request(body, "secret one"));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(
      std::ranges::count(response.headers, std::pair<std::string, std::string>("Retry-After", "1")),
      1);
  EXPECT_TRUE(stored_.empty());
  EXPECT_NE(metrics_.text({}).find("media_webhook_requests_total{outcome=\"limited\","
                                   "provider=\"whatsapp\"} 1"),
            std::string::npos)
      << metrics_.text({});
}

TEST_F(WebhooksTest, what_is_not_signed_or_comes_from_the_spool_is_not_counted) {
  const std::string body = test::provider_fixture("whatsapp/image_with_url.json");
  EXPECT_EQ(send(signed_request(body, "a guess")).status, 401);
  EXPECT_EQ(replay({signed_request(body, "secret one"), "a1", kNow}).has_value(), true);
  EXPECT_TRUE(asked_about_.empty());
  EXPECT_EQ(send(signed_request(body, "secret one")).status, 200);
  EXPECT_EQ(asked_about_, std::vector<std::string>{"a1"});
}

TEST_F(WebhooksTest, a_signed_delivery_is_stored_and_acknowledged) {
  const std::string body = test::provider_fixture("whatsapp/image_with_url.json");
  const auto response = send(signed_request(body, "secret one"));
  EXPECT_EQ(response.status, 200);
  ASSERT_EQ(stored_.size(), 1u);
  EXPECT_EQ(stored_[0].account_id, "a1");
  EXPECT_EQ(stored_[0].key, hex_encode(sha256(as_bytes(body))));
  EXPECT_EQ(stored_bodies_[0], body);
  EXPECT_EQ(stored_[0].headers_json, R"({"content-type":"application/json"})");
  const Json message = messages()[0];
  EXPECT_EQ(message["account_id"].text(), "a1");
  EXPECT_EQ(message["external_id"].text(), "wamid.SAMPLE0002");
  EXPECT_EQ(message["conversation"]["external_id"].text(), "447700900123");
  EXPECT_EQ(message["sent_at"].integer(), 1795250000);
  const Json media = message["media"][0];
  EXPECT_EQ(media["index"].integer(), 0);
  EXPECT_EQ(media["provider_media_id"].text(), "900000000000002");
  EXPECT_EQ(media["file_type"].text(), "image");
  EXPECT_EQ(media["url_expires_at"].integer(), kNow + 300);
  EXPECT_EQ(media["sha256"].text(),
            "37c4f67768e6f6371c70a4b465d88d80ff184b0087816a266ee6cc8170e5ea2d");
}

TEST_F(WebhooksTest, deliveries_without_media_are_acknowledged_too) {
  for (const char* name : {"text", "statuses", "other_field", "system_errors"}) {
    const std::string body = test::provider_fixture("whatsapp/" + std::string(name) + ".json");
    EXPECT_EQ(send(signed_request(body, "secret one")).status, 200) << name;
  }
  EXPECT_EQ(stored_.size(), 4u);
}

TEST_F(WebhooksTest, the_signature_is_checked_before_the_body_is_read) {
  EXPECT_EQ(send(signed_request("not json", "wrong secret")).status, 401);
  EXPECT_EQ(send(signed_request("not json", "secret one")).status, 400);
  EXPECT_TRUE(stored_.empty());
}

TEST_F(WebhooksTest, every_answer_is_counted_by_provider_and_outcome) {
  const std::string body = test::provider_fixture("whatsapp/image.json");
  send(signed_request(body, "secret one"));
  send(signed_request(body, "wrong secret"));
  send(signed_request(body, "secret one", "999"));
  send(signed_request("not json", "secret one"));
  store_is_away_ = true;
  send(signed_request(body, "secret one"));
  spool_is_full_ = true;
  spooled_.clear();
  send(signed_request(body, "secret one"));
  http::Request other = signed_request(body, "secret one");
  other.target = "/webhooks/telex/1";
  send(other);
  const std::string seen = metrics_.text({});
  for (const auto& [outcome, count] : std::map<std::string, int>{{"accepted", 2},
                                                                 {"unauthorized", 1},
                                                                 {"unknown", 1},
                                                                 {"refused", 1},
                                                                 {"unavailable", 1},
                                                                 {"failed", 0}}) {
    const std::string line = "media_webhook_requests_total{outcome=\"" + outcome +
                             "\",provider=\"whatsapp\"} " + std::to_string(count) + "\n";
    EXPECT_NE(seen.find(line), std::string::npos) << line;
  }
  for (const char* line : {"media_webhook_requests_total{outcome=\"unknown\",provider=\"other\"} 1",
                           "media_deliveries_total{outcome=\"spooled\",provider=\"whatsapp\"} 1",
                           "media_webhook_duration_seconds_count{provider=\"whatsapp\"} 6"}) {
    EXPECT_NE(seen.find(line), std::string::npos) << line;
  }
}

TEST_F(WebhooksTest, a_secret_replaced_a_moment_ago_is_found) {
  auto account = std::make_shared<providers::Account>(*accounts_["whatsapp/" + kNumber]);
  account->secrets = {};
  account->secrets.add("app_secret", "secret new");
  fresh_["whatsapp/" + kNumber] = account;
  const std::string body = test::provider_fixture("whatsapp/image.json");
  EXPECT_EQ(send(signed_request(body, "secret new")).status, 200);
}

TEST_F(WebhooksTest, unknown_accounts_and_providers_are_404) {
  const std::string body = test::provider_fixture("whatsapp/image.json");
  EXPECT_EQ(send(signed_request(body, "secret one", "999")).status, 404);
  for (const char* target : {"/webhooks/", "/webhooks/whatsapp", "/webhooks/whatsapp/",
                             "/webhooks/telex/1", "/webhooks/whatsapp/1/2",
                             "/webhooks/whatsapp/%zz", "/webhooks/whatsapp/109876543210987%00"}) {
    http::Request request = signed_request(body, "secret one");
    request.target = target;
    EXPECT_EQ(send(request).status, 404) << target;
  }
}

TEST_F(WebhooksTest, what_the_database_does_not_take_is_spooled) {
  const std::string body = test::provider_fixture("whatsapp/image.json");
  store_is_away_ = true;
  const auto response = send(signed_request(body, "secret one"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"delivery_id":null,"is_new":null,"media_created":null})");
  ASSERT_EQ(spooled_.size(), 1u);
  EXPECT_EQ(spooled_[0].request.body, body);
  EXPECT_EQ(spooled_[0].account_id, "a1");
  EXPECT_EQ(spooled_[0].received_at, kNow);
  EXPECT_EQ(replay(spooled_[0]).error().code, ErrorCode::unavailable);
  EXPECT_EQ(spooled_.size(), 1u);
  store_is_away_ = false;
  EXPECT_TRUE(replay(spooled_[0]));
  EXPECT_EQ(stored_bodies_, std::vector{body});
}

TEST_F(WebhooksTest, later_deliveries_of_the_account_stay_behind_spooled_ones) {
  add_account("whatsapp", kOtherNumber, "a2", "app_secret", "secret two");
  const std::string body = test::provider_fixture("whatsapp/text.json");
  store_is_away_ = true;
  send(signed_request(body, "secret one"));
  store_is_away_ = false;
  EXPECT_EQ(send(signed_request(body, "secret one")).status, 200);
  EXPECT_EQ(spooled_.size(), 2u);
  EXPECT_EQ(send(signed_request(body, "secret two", kOtherNumber)).status, 200);
  EXPECT_EQ(spooled_.size(), 2u);
  EXPECT_EQ(stored_.size(), 1u);
}

TEST_F(WebhooksTest, only_signed_and_readable_requests_are_spooled) {
  store_is_away_ = true;
  EXPECT_EQ(send(signed_request("{}", "wrong secret")).status, 401);
  EXPECT_EQ(send(signed_request("not json", "secret one")).status, 400);
  EXPECT_TRUE(spooled_.empty());
}

TEST_F(WebhooksTest, a_spooled_request_is_not_verified_again_for_the_same_account) {
  const std::string body = test::provider_fixture("whatsapp/image.json");
  const SpooledRequest spooled{signed_request(body, "a secret of before"), "a1", kNow};
  now_ = kNow + 86400;
  EXPECT_TRUE(replay(spooled));
  // Nor does it get into the account of who has the number now.
  accounts_.clear();
  add_account("whatsapp", kNumber, "a9", "app_secret", "secret of the next tenant");
  EXPECT_EQ(replay(spooled).error().code, ErrorCode::unauthorized);
  accounts_.clear();
  EXPECT_EQ(replay(spooled).error().code, ErrorCode::not_found);
  EXPECT_EQ(stored_.size(), 1u);
}

TEST_F(WebhooksTest, nothing_is_acknowledged_that_neither_database_nor_spool_takes) {
  const std::string body = test::provider_fixture("whatsapp/image.json");
  store_is_away_ = true;
  spool_is_full_ = true;
  const auto response = send(signed_request(body, "secret one"));
  EXPECT_EQ(response.status, 503);
  EXPECT_TRUE(std::ranges::any_of(
      response.headers, [](const auto& header) { return header.first == "Retry-After"; }));
  is_away_ = true;
  EXPECT_EQ(send(signed_request(body, "secret one")).status, 503);
}

TEST_F(WebhooksTest, numbers_of_one_app_share_a_url) {
  add_account("whatsapp", kOtherNumber, "a2", "app_secret", "secret one");
  const std::string body = test::provider_fixture("whatsapp/batch_two_numbers.json");
  EXPECT_EQ(send(signed_request(body, "secret one")).status, 200);
  ASSERT_EQ(messages().size(), 4u);
  EXPECT_EQ(messages()[0]["account_id"].text(), "a1");
  EXPECT_EQ(messages()[3]["account_id"].text(), "a2");
}

TEST_F(WebhooksTest, one_tenants_secret_does_not_write_into_anothers_account) {
  add_account("whatsapp", kOtherNumber, "a2", "app_secret", "secret of another app");
  const std::string body = test::provider_fixture("whatsapp/batch_two_numbers.json");
  EXPECT_EQ(send(signed_request(body, "secret one")).status, 200);
  ASSERT_EQ(messages().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(messages()[i]["account_id"].text(), "a1");
}

TEST_F(WebhooksTest, messages_of_unknown_numbers_are_left_out) {
  const std::string body = test::provider_fixture("whatsapp/batch_two_numbers.json");
  EXPECT_EQ(send(signed_request(body, "secret one")).status, 200);
  EXPECT_EQ(messages().size(), 3u);
}

TEST_F(WebhooksTest, a_get_is_the_handshake) {
  http::Request request;
  request.method = "GET";
  request.target = "/webhooks/whatsapp/" + kNumber +
                   "?hub.mode=subscribe&hub.challenge=42&hub.verify_token=vibecoding";
  EXPECT_EQ(send(request).body, "42");
  request.method = "DELETE";
  EXPECT_EQ(send(request).status, 405);
}

TEST_F(WebhooksTest, a_generic_event_is_known_by_its_webhook_id) {
  const std::string key = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
  add_account("generic", "shop/1", "g1", "secret", key);
  http::Request request =
      test::webhook_request(test::provider_fixture("standard-webhooks/media_event.json"));
  request.target = "/webhooks/generic/shop%2F1";
  request.headers = {{"webhook-id", "msg_gen1"},
                     {"webhook-timestamp", "1795250000"},
                     {"webhook-signature", "v1,73YGW8VvvJ9tQabIe8Aw+k0Xk72VvpHQBRiUReo/AT0="}};
  EXPECT_EQ(send(request).status, 200);
  EXPECT_EQ(stored_.at(0).key, "msg_gen1");
  EXPECT_EQ(stored_[0].headers_json, R"({"webhook-id":"msg_gen1"})");
  EXPECT_EQ(messages()[0]["media"][0]["url"].text(), "https://media.example.test/a.jpg");
  request.method = "GET";
  EXPECT_EQ(send(request).status, 405);
}

}  // namespace
}  // namespace media::ingest
