#include "indexer/providers/openphone.hpp"

#include <map>

#include <gtest/gtest.h>

#include "indexer/providers/openphone_payload.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

constexpr std::int64_t kNow = 1795250000;

Delivery parse(const std::string& body, bool takes_outgoing = false) {
  return parse_openphone(body, takes_outgoing).value();
}

Delivery parse_file(const std::string& name, bool takes_outgoing = false) {
  return parse(test::provider_fixture("openphone/" + name + ".json"), takes_outgoing);
}

std::size_t media_count(const Delivery& delivery) {
  std::size_t count = 0;
  for (const auto& message : delivery.messages) count += message.media.size();
  return count;
}

TEST(OpenPhonePayload, finds_the_media_of_every_sample) {
  const std::map<std::string, std::size_t> expected = {
      {"message_received_v3_media", 2},
      {"message_received_v3_binkey", 1},
      {"message_received_v3_group_to", 0},
      {"message_received_v4", 0},
      {"message_delivered_v3", 0},
      {"call_completed_voicemail_v3", 1},
      {"call_recording_completed_v3", 1},
      {"call_completed_no_voicemail_v3", 0},
      {"whitespace_body", 0},
      {"quo_message_received_media", 2},
      {"quo_voicemail_completed", 1},
      {"quo_recording_completed", 1},
  };
  for (const auto& [name, count] : expected) {
    EXPECT_EQ(media_count(parse_file(name)), count) << name;
  }
}

TEST(OpenPhonePayload, reads_a_message_of_old) {
  const Delivery delivery = parse_file("message_received_v3_media");
  EXPECT_EQ(delivery.key, "EV00000000000000000000000000000001");
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.external_id, "AC00000000000000000000000000000001");
  EXPECT_EQ(message.conversation, "CNsample0001");
  EXPECT_EQ(message.sender, "+15550100777");
  EXPECT_EQ(message.text, "two é");
  EXPECT_EQ(message.sent_at, kNow);
  EXPECT_EQ(message.event_kind, "message");
  EXPECT_EQ(message.media.at(0).file_type, "image");
  EXPECT_EQ(message.media.at(0).provider_media_id, "");
  EXPECT_EQ(message.media.at(1).file_type, "video");
}

TEST(OpenPhonePayload, the_text_has_two_names) {
  const IncomingMessage message = parse_file("message_received_v4").messages.at(0);
  EXPECT_EQ(message.text, "no media field in the v4 sample");
  EXPECT_EQ(message.conversation, "+15550100777");
}

TEST(OpenPhonePayload, reads_a_message_of_quo) {
  const IncomingMessage message = parse_file("quo_message_received_media").messages.at(0);
  EXPECT_EQ(message.external_id, "ACq101");
  EXPECT_EQ(message.conversation, "CN123");
  EXPECT_EQ(message.sender, "+15550100777");
  EXPECT_EQ(message.text, "pics");
  EXPECT_EQ(message.media.at(0).file_type, "image");
  EXPECT_EQ(message.media.at(1).declared_mime_type, "");
}

TEST(OpenPhonePayload, voicemails_and_recordings_belong_to_their_call) {
  const IncomingMessage old = parse_file("call_completed_voicemail_v3").messages.at(0);
  EXPECT_EQ(old.event_kind, "voicemail");
  EXPECT_EQ(old.media.at(0).provider_media_id, "voicemail/AC00000000000000000000000000000005");
  EXPECT_EQ(old.media.at(0).file_type, "audio");
  EXPECT_EQ(old.media.at(0).duration_seconds, 7.0);
  const IncomingMessage voicemail = parse_file("quo_voicemail_completed").messages.at(0);
  EXPECT_EQ(voicemail.external_id, "ACcall");
  EXPECT_EQ(voicemail.event_kind, "voicemail");
  EXPECT_EQ(voicemail.media.at(0).provider_media_id, "voicemail/ACcall");
  const IncomingMessage recording = parse_file("quo_recording_completed").messages.at(0);
  EXPECT_EQ(recording.external_id, "ACq103");
  EXPECT_EQ(recording.event_kind, "recording");
  EXPECT_EQ(recording.media.at(0).provider_media_id, "recording/ACq103/CR1");
  EXPECT_EQ(parse_file("call_recording_completed_v3").messages.at(0).media.at(0).provider_media_id,
            "recording/AC00000000000000000000000000000007/0");
}

TEST(OpenPhonePayload, what_the_account_sent_itself_is_taken_on_demand) {
  EXPECT_TRUE(parse_file("message_delivered_v3").messages.empty());
  EXPECT_EQ(parse_file("message_delivered_v3", true).messages.size(), 1u);
  const std::string sent =
      R"({"type":"message.received","data":{"object":{"id":"A","direction":"outgoing"}}})";
  EXPECT_TRUE(parse(sent).messages.empty());
  EXPECT_EQ(parse(sent, true).messages.size(), 1u);
}

TEST(OpenPhonePayload, an_odd_item_never_costs_the_others) {
  for (const std::string odd : {"null", "[]", "7", "{}", R"({"url":null})", R"({"url":5})",
                                R"({"url":"https://h","type":7,"duration":"x"})"}) {
    const Delivery delivery =
        parse(R"({"type":"message.received","data":{"object":{"id":"A","media":[)" + odd +
              R"(,{"url":"https://good"}]}}})");
    EXPECT_EQ(delivery.messages.at(0).media.back().url, "https://good") << odd;
  }
  for (const std::string media : {"null", "{}", "\"x\"", "[]"}) {
    EXPECT_EQ(
        media_count(parse(R"({"type":"message.received","data":{"object":{"id":"A","media":)" +
                          media + "}}}")),
        0u);
  }
}

TEST(OpenPhonePayload, other_events_are_acknowledged_and_the_rest_is_malformed) {
  EXPECT_TRUE(parse(R"({"id":"E","type":"call.ringing","data":{"object":{}}})").messages.empty());
  EXPECT_TRUE(parse(R"({"type":"message.received","data":{}})").messages.empty());
  for (const char* body : {"", "null", "[]", "{}", R"({"type":"x"})", R"({"type":5,"data":{}})",
                           R"({"type":"message.received","data":[]})"}) {
    EXPECT_FALSE(parse_openphone(body, false)) << body;
  }
}

class OpenPhoneTest : public testing::Test {
 protected:
  bool verifies(const std::string& provider, const Json& vector, const std::string& secret_name,
                std::int64_t now = kNow) {
    http::Request request =
        test::webhook_request(test::provider_fixture(std::string(vector["body_file"].text())));
    if (vector["header"]) {
      request.headers.emplace_back(vector["header"].text(), vector["value"].text());
    }
    for (const std::string& name : vector["headers"].names()) {
      request.headers.emplace_back(name, vector["headers"][name].text());
    }
    Secrets secrets;
    secrets.add(secret_name, std::string(vector["key"].text()));
    return registry_.find(provider)->verify(request, secrets, now).has_value();
  }
  Json first_vector(std::string_view provider) {
    const Json vectors = test::provider_fixture_json("vectors.json");
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      if (vectors[i]["provider"].text() == provider) return vectors[i];
    }
    return {};
  }
  Registry registry_{Config()};
};

TEST_F(OpenPhoneTest, the_headers_tell_which_system_signed) {
  for (const char* provider : {"openphone", "quo"}) {
    EXPECT_TRUE(verifies(provider, first_vector("openphone"), "signing_key"));
    EXPECT_TRUE(verifies(provider, first_vector("quo-2026-03-30"), "secret"));
    EXPECT_FALSE(verifies(provider, first_vector("openphone"), "secret"));
  }
}

TEST_F(OpenPhoneTest, a_signature_is_good_for_five_minutes) {
  const Json vector = first_vector("openphone");
  EXPECT_TRUE(verifies("openphone", vector, "signing_key", kNow + 300));
  EXPECT_FALSE(verifies("openphone", vector, "signing_key", kNow + 301));
  EXPECT_TRUE(verifies("openphone", vector, "signing_key", kNow - 300));
  EXPECT_FALSE(verifies("openphone", vector, "signing_key", kNow - 302));
}

TEST_F(OpenPhoneTest, the_time_that_a_signature_is_good_can_be_set) {
  Config config;
  config.providers.at("openphone").tolerance = std::chrono::hours(28);
  registry_ = Registry(config);
  const Json vector = first_vector("openphone");
  EXPECT_TRUE(verifies("openphone", vector, "signing_key", kNow + 28 * 3600));
  EXPECT_FALSE(verifies("openphone", vector, "signing_key", kNow + 28 * 3600 + 1));
}

TEST_F(OpenPhoneTest, odd_signature_headers_are_refused) {
  for (const std::string header :
       {"", ";;;", ",,,", "hmac", "hmac;1;;", "hmac;1;1795250000123;", "hmac;1;x;AAAA",
        "hmac;1;99999999999999999999;AAAA", "hmac;1;1795250000123;AAAA;BBBB"}) {
    http::Request request = test::webhook_request("{}");
    request.headers = {{"openphone-signature", header}};
    EXPECT_FALSE(verify_openphone_signature(request, {"AAAA"}, kNow, std::chrono::hours(1)))
        << header;
  }
}

TEST_F(OpenPhoneTest, a_call_is_asked_for_again_where_there_is_a_key) {
  Account account;
  EXPECT_TRUE(registry_.find("quo")->resolve_requests({"recording/C1/0", ""}, account).empty());
  account.secrets.add("api_key", "KEY");
  const auto url = [&](const char* provider, const char* id) {
    const auto ways = registry_.find(provider)->resolve_requests({id, ""}, account);
    return ways.empty() ? "" : ways[0].url;
  };
  EXPECT_EQ(url("openphone", "recording/C1/0"), "https://api.openphone.com/v1/call-recordings/C1");
  EXPECT_EQ(url("openphone", "voicemail/C1"), "https://api.openphone.com/v1/call-voicemails/C1");
  EXPECT_EQ(url("quo", "recording/C1/CR1"), "https://api.quo.com/calls/C1/recordings");
  EXPECT_EQ(url("quo", "voicemail/C 1"), "https://api.quo.com/calls/C%201?include=voicemail");
  EXPECT_EQ(url("quo", ""), "");
  const auto way = registry_.find("quo")->resolve_requests({"voicemail/C1", ""}, account).at(0);
  EXPECT_EQ(way.headers.at(0), (std::pair<std::string, std::string>("Authorization", "KEY")));
  EXPECT_EQ(registry_.find("quo")->media_authorization(account), "");
}

TEST(OpenPhoneApi, the_entry_is_found_by_id_or_place) {
  const std::string list =
      R"({"data":[{"id":"R1","url":"https://h/1"},{"id":"R2","url":"https://h/2"}]})";
  EXPECT_EQ(read_openphone_call("recording/C/R2", 200, list).url, "https://h/2");
  EXPECT_EQ(read_openphone_call("recording/C/0", 200, list).url, "https://h/1");
  using Verdict = ResolveAnswer::Verdict;
  EXPECT_EQ(read_openphone_call("recording/C/R9", 200, list).verdict, Verdict::gone);
  EXPECT_EQ(read_openphone_call("voicemail/C", 200, R"({"data":{"url":"https://h/v"}})").url,
            "https://h/v");
  EXPECT_EQ(read_openphone_call("voicemail/C", 200,
                                R"({"data":{"voicemail":{"recordingUrl":"https://h/w"}}})")
                .url,
            "https://h/w");
  EXPECT_EQ(read_openphone_call("voicemail/C", 401, "").verdict, Verdict::refused);
  EXPECT_EQ(read_openphone_call("voicemail/C", 404, "").verdict, Verdict::gone);
  EXPECT_EQ(read_openphone_call("voicemail/C", 429, "").verdict, Verdict::rate_limited);
  EXPECT_EQ(read_openphone_call("voicemail/C", 200, "<html>").verdict, Verdict::retry);
}

}  // namespace
}  // namespace media::providers
