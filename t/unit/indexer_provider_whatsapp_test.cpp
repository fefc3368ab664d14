#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/encoding.hpp"
#include "indexer/config.hpp"
#include "indexer/providers/registry.hpp"
#include "indexer/providers/whatsapp_graph.hpp"
#include "indexer/providers/whatsapp_payload.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

constexpr std::int64_t kNow = 1795250000;

Delivery parse_file(const std::string& name) {
  return parse_whatsapp(test::provider_fixture("whatsapp/" + name), kNow).value();
}

std::size_t media_count(const Delivery& delivery) {
  std::size_t count = 0;
  for (const auto& message : delivery.messages) {
    count += std::ranges::count(message.media, std::string(), &IncomingMedia::failure);
  }
  return count;
}

TEST(WhatsAppPayload, finds_the_media_of_every_sample) {
  const std::map<std::string, std::size_t> expected = {
      {"image", 1},
      {"image_with_url", 1},
      {"video", 1},
      {"voice", 1},
      {"audio_file", 1},
      {"document", 1},
      {"sticker", 1},
      {"edit_image", 1},
      {"bsuid_no_from", 1},
      {"group_message", 1},
      {"unicode_escaped_wire", 1},
      {"batch_two_numbers", 3},
      {"duplicate_in_batch", 1},
      {"text", 0},
      {"statuses", 0},
      {"status_failed", 0},
      {"media_too_big_error", 0},
      {"unsupported", 0},
      {"other_field", 0},
      {"system_errors", 0},
  };
  for (const auto& [name, count] : expected) {
    EXPECT_EQ(media_count(parse_file(name + ".json")), count) << name;
  }
}

TEST(WhatsAppPayload, reads_an_image_with_all_it_says) {
  const Delivery delivery = parse_file("image_with_url.json");
  ASSERT_EQ(delivery.messages.size(), 1u);
  const IncomingMessage& message = delivery.messages[0];
  EXPECT_EQ(message.account, "109876543210987");
  EXPECT_EQ(message.external_id, "wamid.SAMPLE0002");
  EXPECT_EQ(message.conversation, "447700900123");
  EXPECT_EQ(message.sender, "447700900123");
  EXPECT_EQ(message.event_kind, "message");
  EXPECT_EQ(message.sent_at, 1795250000);
  const IncomingMedia& media = message.media.at(0);
  EXPECT_EQ(media.provider_media_id, "900000000000002");
  EXPECT_EQ(media.file_type, "image");
  EXPECT_EQ(media.declared_mime_type, "image/jpeg");
  EXPECT_TRUE(media.url.starts_with("https://lookaside.fbsbx.com/"));
  EXPECT_EQ(media.url_expires_at, kNow + 300);
  EXPECT_EQ(media.deadline, kNow + 7 * 24 * 3600);
  ASSERT_TRUE(media.sha256);
  EXPECT_EQ(hex_encode(*media.sha256),
            "37c4f67768e6f6371c70a4b465d88d80ff184b0087816a266ee6cc8170e5ea2d");
}

TEST(WhatsAppPayload, file_types_follow_the_kind_of_message) {
  EXPECT_EQ(parse_file("voice.json").messages[0].media[0].file_type, "audio");
  EXPECT_EQ(parse_file("voice.json").messages[0].media[0].declared_mime_type,
            "audio/ogg; codecs=opus");
  EXPECT_EQ(parse_file("sticker.json").messages[0].media[0].file_type, "image");
  EXPECT_EQ(parse_file("document.json").messages[0].media[0].file_type, "document");
  EXPECT_EQ(parse_file("document.json").messages[0].media[0].file_name,
            "../invoice 2026\u20113.pdf");
}

TEST(WhatsAppPayload, an_edit_is_an_event_of_its_own) {
  const IncomingMessage message = parse_file("edit_image.json").messages.at(0);
  EXPECT_EQ(message.event_kind, "edit");
  EXPECT_EQ(message.media.at(0).provider_media_id, "900000000000011");
  EXPECT_EQ(message.text, "edited");
}

TEST(WhatsAppPayload, a_withdrawal_names_the_message_that_was_taken_back) {
  const auto parsed = parse_whatsapp(
      R"({"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":{
      "metadata":{"phone_number_id":"1"},"messages":[
      {"from":"44","id":"wamid.2","type":"revoke","revoke":{"original_message_id":"wamid.1"}},
      {"from":"44","id":"wamid.3","type":"revoke","revoke":{}}]}}]}]})",
      kNow, false);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->messages.size(), 1U);
  EXPECT_EQ(parsed->messages[0].external_id, "wamid.1");
  EXPECT_TRUE(parsed->messages[0].is_withdrawn);
  EXPECT_TRUE(parsed->messages[0].media.empty());
}

TEST(WhatsAppPayload, a_sender_without_a_number_is_known_by_user_id) {
  const IncomingMessage message = parse_file("bsuid_no_from.json").messages.at(0);
  EXPECT_EQ(message.sender, "GB.10000000000000001");
  EXPECT_EQ(message.conversation, "GB.10000000000000001");
}

TEST(WhatsAppPayload, a_group_is_one_conversation) {
  const IncomingMessage message = parse_file("group_message.json").messages.at(0);
  EXPECT_EQ(message.conversation, "120363000000000001");
  EXPECT_EQ(message.sender, "447700900123");
}

TEST(WhatsAppPayload, messages_name_the_number_that_they_came_to) {
  const Delivery delivery = parse_file("batch_two_numbers.json");
  ASSERT_EQ(delivery.messages.size(), 4u);
  EXPECT_EQ(delivery.messages[0].account, "109876543210987");
  EXPECT_EQ(delivery.messages[3].account, "200000000000001");
}

TEST(WhatsAppPayload, escapes_are_decoded) {
  const IncomingMessage message = parse_file("unicode_escaped_wire.json").messages.at(0);
  EXPECT_EQ(message.text, "äöå 拍照 😀 a/b <x> 100% me@example.com");
  EXPECT_EQ(message.media.at(0).declared_mime_type, "image/jpeg");
}

TEST(WhatsAppPayload, a_file_that_meta_could_not_take_is_told_not_forgotten) {
  const Delivery delivery = parse_file("media_too_big_error.json");
  EXPECT_EQ(delivery.notes, std::vector<std::string>{"provider error 131052"});
  const IncomingMedia& media = delivery.messages.at(0).media.at(0);
  EXPECT_EQ(media.failure, "too_large: WhatsApp could not take the file, code 131052");
  EXPECT_TRUE(media.url.empty() && media.provider_media_id.empty());
}

TEST(WhatsAppPayload, what_the_business_sent_itself_is_taken_on_demand) {
  const std::string body =
      R"({"object":"whatsapp_business_account","entry":[{"changes":[{"field":)"
      R"("smb_message_echoes","value":{"metadata":{"phone_number_id":"1"},"message_echoes":[)"
      R"({"from":"15550100200","to":"447700900123","id":"wamid.E","timestamp":"1",)"
      R"("type":"image","image":{"id":"77"}}]}}]}]})";
  EXPECT_TRUE(parse_whatsapp(body, kNow)->messages.empty());
  const Delivery delivery = parse_whatsapp(body, kNow, true).value();
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.sender, "15550100200");
  EXPECT_EQ(message.conversation, "447700900123");
  EXPECT_EQ(message.media.at(0).provider_media_id, "77");
}

std::string wrap(const std::string& messages) {
  return R"({"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages",)"
         R"("value":{"metadata":{"phone_number_id":"1"},"messages":)" +
         messages + "}}]}]}";
}

constexpr const char* kGoodMessage =
    R"({"id":"wamid.GOOD","from":"1","timestamp":"1","type":"image","image":{"id":"77"}})";

TEST(WhatsAppPayload, an_odd_item_never_costs_the_batch) {
  for (const std::string odd :
       {"null", "[]", "\"text\"", "7", "{}", R"({"id":null,"type":"image"})",
        R"({"id":"wamid.A","type":"image","image":null})",
        R"({"id":"wamid.A","type":"image","image":[]})",
        R"({"id":"wamid.A","type":"image","image":{"id":null,"url":5}})",
        R"({"id":"wamid.A","type":"edit","edit":[]})",
        R"({"id":"wamid.A","type":["image"],"from":{},"timestamp":[]})",
        R"({"id":"wamid.A","type":"image","image":{"id":"\u0000\ud83d"}})"}) {
    const auto delivery = parse_whatsapp(wrap("[" + odd + "," + kGoodMessage + "]"), kNow);
    ASSERT_TRUE(delivery) << odd;
    ASSERT_FALSE(delivery->messages.empty()) << odd;
    EXPECT_EQ(delivery->messages.back().external_id, "wamid.GOOD") << odd;
    EXPECT_EQ(delivery->messages.back().media.size(), 1u) << odd;
  }
}

TEST(WhatsAppPayload, odd_envelopes_give_no_messages) {
  for (const char* body :
       {R"("x":1)", R"("entry":null)", R"("entry":{})", R"("entry":[null,1,{"changes":7}])",
        R"("entry":[{"changes":[{"field":"messages","value":null}]}])",
        R"("entry":[{"changes":[{"field":"messages","value":{"messages":{}}}]}])"}) {
    const auto delivery =
        parse_whatsapp(R"({"object":"whatsapp_business_account",)" + std::string(body) + "}", kNow);
    ASSERT_TRUE(delivery) << body;
    EXPECT_TRUE(delivery->messages.empty()) << body;
  }
}

TEST(WhatsAppPayload, other_products_of_the_app_are_ignored) {
  const auto delivery = parse_whatsapp(R"({"object":"page","entry":[]})", kNow);
  ASSERT_TRUE(delivery);
  EXPECT_TRUE(delivery->messages.empty());
}

TEST(WhatsAppPayload, what_is_not_a_delivery_is_malformed) {
  for (const std::string& body :
       {std::string(), std::string("null"), std::string("[]"), std::string("{"), std::string("{}"),
        std::string(R"({"object":1})"), std::string(R"({"entry":[],"entry":[]})"),
        std::string(100000, '['),
        R"({"a":)" + std::string(500, '[') + std::string(500, ']') + "}"}) {
    EXPECT_FALSE(parse_whatsapp(body, kNow)) << body.substr(0, 40);
  }
}

TEST(WhatsAppPayload, takes_a_thousand_messages_and_no_more) {
  std::string messages = "[";
  for (int i = 0; i < 1005; ++i) {
    if (i > 0) messages += ',';
    messages += R"({"id":"wamid.)" + std::to_string(i) + R"(","type":"image","image":{"id":"1"}})";
  }
  const auto delivery = parse_whatsapp(wrap(messages + "]"), kNow);
  ASSERT_TRUE(delivery);
  EXPECT_EQ(delivery->messages.size(), kMaxMessages);
}

TEST(WhatsAppPayload, digests_come_as_base64_or_hex) {
  const std::string hex = "37c4f67768e6f6371c70a4b465d88d80ff184b0087816a266ee6cc8170e5ea2d";
  for (const std::string& text : {hex, std::string("N8T2d2jm9jcccKS0ZdiNgP8YSwCHgWombubMgXDl6i0="),
                                  std::string("N8T2d2jm9jcccKS0ZdiNgP8YSwCHgWombubMgXDl6i0")}) {
    const auto delivery = parse_whatsapp(
        wrap(R"([{"id":"w","type":"image","image":{"id":"1","sha256":")" + text + R"("}}])"), kNow);
    ASSERT_TRUE(delivery->messages.at(0).media.at(0).sha256) << text;
    EXPECT_EQ(hex_encode(*delivery->messages[0].media[0].sha256), hex);
  }
  const auto odd =
      parse_whatsapp(wrap(R"([{"id":"w","type":"image","image":{"id":"1","sha256":"zz"}}])"), kNow);
  EXPECT_FALSE(odd->messages.at(0).media.at(0).sha256);
  EXPECT_FALSE(odd->notes.empty());
}

class Handshake : public testing::Test {
 protected:
  Handshake() { secrets_.add("verify_token", "vibecoding"); }
  http::Response get(const std::string& query) {
    http::Request request;
    request.method = "GET";
    request.target = "/webhooks/whatsapp/1?" + query;
    return registry_.find("whatsapp")->handshake(request, secrets_);
  }
  Registry registry_{Config()};
  Secrets secrets_;
};

TEST_F(Handshake, echoes_the_challenge_as_plain_text) {
  const auto response =
      get("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=vibecoding");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "1158201444");
  EXPECT_EQ(response.content_type, "text/plain");
}

TEST_F(Handshake, refuses_a_wrong_token_or_mode) {
  EXPECT_EQ(get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong").status, 403);
  EXPECT_EQ(get("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=vibecoding").status, 403);
  secrets_ = Secrets();
  EXPECT_EQ(get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=").status, 403);
}

TEST_F(Handshake, refuses_missing_and_repeated_parameters) {
  EXPECT_EQ(get("hub.verify_token=vibecoding").status, 400);
  EXPECT_EQ(get("hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong"
                "&hub.verify_token=vibecoding")
                .status,
            400);
  EXPECT_EQ(get("hub.mode=subscribe&hub.challenge=1&hub%2Echallenge=2"
                "&hub.verify_token=vibecoding")
                .status,
            400);
}

TEST_F(Handshake, never_echoes_markup_into_a_page) {
  EXPECT_EQ(get("hub.mode=subscribe&hub.challenge=%0d%0a&hub.verify_token=vibecoding").status, 400);
  const auto response =
      get("hub.mode=subscribe&hub.challenge=%3Cscript%3E&hub.verify_token=vibecoding");
  EXPECT_EQ(response.content_type, "text/plain");
}

using Verdict = ResolveAnswer::Verdict;

ResolveAnswer read_sample(const std::string& name) {
  const Json sample = test::provider_fixture_json("whatsapp/graph_error_" + name + ".json");
  return read_graph_media(static_cast<int>(*sample["http_status"].integer()), sample["body"].dump(),
                          kNow);
}

TEST(GraphAnswer, a_media_object_gives_a_fresh_url) {
  const auto answer = read_graph_media(
      200, test::provider_fixture("whatsapp/graph_media_900000000000001.json"), kNow);
  EXPECT_EQ(answer.verdict, Verdict::found);
  EXPECT_TRUE(answer.url.starts_with("https://lookaside.fbsbx.com/"));
  EXPECT_EQ(answer.url_expires_at, kNow + 300);
  EXPECT_EQ(answer.size, 224);
  ASSERT_TRUE(answer.sha256);
}

TEST(GraphAnswer, the_size_may_be_a_string_and_slashes_escaped) {
  const auto answer =
      read_graph_media(200, R"({"url":"https:\/\/h\/x","file_size":"303833"})", kNow);
  EXPECT_EQ(answer.url, "https://h/x");
  EXPECT_EQ(answer.size, 303833);
}

TEST(GraphAnswer, the_code_decides_whatever_the_status) {
  EXPECT_EQ(read_sample("100_33_not_found").verdict, Verdict::bad_request);
  EXPECT_EQ(read_sample("190_token_expired").verdict, Verdict::refused);
  EXPECT_EQ(read_sample("4_app_rate_limit").verdict, Verdict::rate_limited);
  EXPECT_EQ(read_sample("80007_rate_limit").verdict, Verdict::rate_limited);
  EXPECT_EQ(read_sample("131000_unknown").verdict, Verdict::retry);
  const auto verdict = [](int status, const std::string& code) {
    return read_graph_media(status, R"({"error":{"code":)" + code + "}}", kNow).verdict;
  };
  EXPECT_EQ(verdict(400, "190"), Verdict::refused);
  EXPECT_EQ(verdict(401, "0"), Verdict::refused);
  EXPECT_EQ(verdict(500, "3"), Verdict::refused);
  EXPECT_EQ(verdict(403, "250"), Verdict::refused);
  EXPECT_EQ(verdict(400, "1"), Verdict::retry);
  EXPECT_EQ(verdict(503, "2"), Verdict::retry);
  EXPECT_EQ(verdict(500, "131016"), Verdict::retry);
  EXPECT_EQ(verdict(400, "131009"), Verdict::gone);
  EXPECT_EQ(verdict(200, "190"), Verdict::refused);
}

TEST(GraphAnswer, without_a_code_the_status_decides) {
  EXPECT_EQ(read_graph_media(401, "<html>", kNow).verdict, Verdict::refused);
  EXPECT_EQ(read_graph_media(404, "", kNow).verdict, Verdict::gone);
  EXPECT_EQ(read_graph_media(429, "", kNow).verdict, Verdict::rate_limited);
  EXPECT_EQ(read_graph_media(502, "", kNow).verdict, Verdict::retry);
  EXPECT_EQ(read_graph_media(200, "<html>", kNow).verdict, Verdict::retry);
}

TEST(GraphAnswer, its_text_never_reaches_our_messages) {
  const auto answer = read_graph_media(
      400, R"({"error":{"code":190,"message":"Malformed access token EAATOKEN"}})", kNow);
  EXPECT_EQ(answer.message, "Graph answered 400, code 190");
}

TEST(WhatsApp, resolves_below_the_configured_url) {
  Config config;
  config.providers.at("whatsapp").api_url = "https://graph.example.test/v99.0";
  const Registry registry(config);
  const Provider& whatsapp = *registry.find("whatsapp");
  Account account;
  account.external_id = "456";
  account.secrets.add("access_token", "TOKEN");
  auto ways = whatsapp.resolve_requests({"123", ""}, account);
  ASSERT_EQ(ways.size(), 2u);
  EXPECT_EQ(ways[0].url, "https://graph.example.test/v99.0/123?phone_number_id=456");
  EXPECT_EQ(ways[0].headers.at(0).second, "Bearer TOKEN");
  ways = whatsapp.resolve_requests({"1/2?x", ""}, account);
  EXPECT_EQ(ways[1].url, "https://graph.example.test/v99.0/1%2F2%3Fx");
  EXPECT_TRUE(whatsapp.resolve_requests({"", ""}, account).empty());
}

}  // namespace
}  // namespace media::providers
