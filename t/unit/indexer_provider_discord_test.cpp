#include "indexer/providers/discord.hpp"

#include <map>

#include <gtest/gtest.h>

#include "indexer/providers/discord_payload.hpp"
#include "indexer/providers/standard_webhooks.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

constexpr std::int64_t kExpiry = 0x6b02a8d0;  // of the samples' URLs

Delivery parse(const std::string& body, DiscordPolicy policy = {}) {
  return parse_discord(body, policy).value();
}

Delivery parse_file(const std::string& name, DiscordPolicy policy = {}) {
  return parse(test::provider_fixture("discord/" + name + ".json"), policy);
}

std::size_t media_count(const Delivery& delivery) {
  std::size_t count = 0;
  for (const auto& message : delivery.messages) count += message.media.size();
  return count;
}

TEST(DiscordPayload, finds_the_media_of_every_sample) {
  const std::map<std::string, std::size_t> expected = {
      {"bridge_gateway_dispatch", 2},
      {"bridge_gatehook_message", 2},
      {"voice_message", 1},
      {"forwarded_snapshot", 1},
      {"webhook_event_game_dm_create", 1},
      {"ephemeral_attachment_interaction", 1},
      {"no_message_content_intent", 0},
      {"webhook_event_authorized", 0},
      {"interaction_ping", 0},
      {"webhook_event_ping", 0},
  };
  for (const auto& [name, count] : expected) {
    EXPECT_EQ(media_count(parse_file(name)), count) << name;
  }
}

TEST(DiscordPayload, reads_an_attachment_with_all_it_says) {
  const Delivery delivery = parse_file("bridge_gateway_dispatch");
  EXPECT_EQ(delivery.key.size(), 64u);
  EXPECT_FALSE(delivery.answer);
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.external_id, "1405614357781545022");
  EXPECT_EQ(message.conversation, "1012345678900020080");
  EXPECT_EQ(message.sender, "234567890123456789");
  EXPECT_EQ(message.text, "report");
  EXPECT_EQ(message.event_kind, "message");
  EXPECT_EQ(message.sent_at, 1795250000);
  const IncomingMedia& report = message.media.at(0);
  EXPECT_EQ(report.provider_media_id,
            "1012345678900020080/1405614357781545022/1234567891233211235");
  EXPECT_EQ(report.file_name, "Q3 report — final.pdf");
  EXPECT_EQ(report.file_type, "document");
  EXPECT_EQ(report.size, 191);
  EXPECT_EQ(report.url_expires_at, kExpiry);
  EXPECT_TRUE(report.url.ends_with("&"));
  EXPECT_EQ(message.media.at(1).index, 1);
  EXPECT_EQ(message.media[1].declared_mime_type, "");
}

TEST(DiscordPayload, the_url_is_the_deadline_unless_it_can_be_refreshed) {
  EXPECT_EQ(parse_file("voice_message").messages.at(0).media.at(0).deadline, kExpiry);
  EXPECT_FALSE(
      parse_file("voice_message", {.can_refresh = true}).messages.at(0).media.at(0).deadline);
}

TEST(DiscordPayload, a_voice_message_has_its_duration_and_waveform) {
  const IncomingMedia media = parse_file("voice_message").messages.at(0).media.at(0);
  EXPECT_EQ(media.file_type, "audio");
  EXPECT_EQ(media.duration_seconds, 1.0);
  EXPECT_EQ(media.waveform, "ABQoPFBkeIygtA==");
}

TEST(DiscordPayload, pings_are_answered_and_not_kept) {
  const Delivery ping = parse_file("interaction_ping");
  EXPECT_TRUE(ping.key.empty());
  EXPECT_EQ(ping.answer->status, 200);
  EXPECT_EQ(ping.answer->content_type, "application/json");
  EXPECT_EQ(ping.answer->body, R"({"type":1})");
  const Delivery event_ping = parse_file("webhook_event_ping");
  EXPECT_TRUE(event_ping.key.empty());
  EXPECT_EQ(event_ping.answer->status, 204);
  EXPECT_EQ(event_ping.answer->body, "");
}

TEST(DiscordPayload, events_are_answered_204) {
  for (const char* name : {"webhook_event_authorized", "webhook_event_game_dm_create"}) {
    const Delivery delivery = parse_file(name);
    EXPECT_FALSE(delivery.key.empty());
    EXPECT_EQ(delivery.answer->status, 204);
  }
}

TEST(DiscordPayload, a_command_is_answered_at_once_to_its_user_only) {
  const Delivery delivery = parse_file("ephemeral_attachment_interaction");
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.external_id, "787053080478613600");
  EXPECT_EQ(message.conversation, "1012345678900020080");
  EXPECT_EQ(message.sent_at, 1607718477);
  EXPECT_EQ(message.media.at(0).file_name, "pixel.png");
  const Json answer = Json::parse(delivery.answer->body).value();
  EXPECT_EQ(answer["type"].integer(), 4);
  EXPECT_EQ(answer["data"]["flags"].integer(), 64);
  EXPECT_EQ(answer["data"]["content"].text(), "Thank you, we received your photo.");
}

TEST(DiscordPayload, other_interactions_get_the_answer_that_fits) {
  const auto answer = [](const std::string& type) {
    return parse(R"({"id":"1","application_id":"2","token":"t","message":{"id":"3"},"type":)" +
                 type + "}")
        .answer->body;
  };
  EXPECT_EQ(answer("3"), R"({"type":6})");
  EXPECT_EQ(answer("4"), R"({"type":8,"data":{"choices":[]}})");
  EXPECT_NE(answer("5").find("no file"), std::string::npos);
}

TEST(DiscordPayload, messages_that_a_command_was_called_on_are_read) {
  const Delivery delivery = parse(
      R"({"id":"1","application_id":"2","token":"t","type":2,"channel_id":"9","data":{"resolved":)"
      R"({"messages":{"7":{"id":"7","channel_id":"9","attachments":[)"
      R"({"id":"5","url":"https://cdn.discordapp.com/attachments/9/5/a.png"}]}}}}})");
  ASSERT_EQ(delivery.messages.size(), 1u);
  EXPECT_EQ(delivery.messages[0].external_id, "7");
  EXPECT_EQ(delivery.messages[0].media.at(0).provider_media_id, "9/7/5");
}

std::string message(const std::string& members, const std::string& type = "MESSAGE_CREATE") {
  return R"({"op":0,"t":")" + type + R"(","d":{"id":"7","channel_id":"9")" + members + "}}";
}

const std::string kAttachment =
    R"({"id":"5","filename":"a.png","url":"https://cdn.discordapp.com/attachments/9/5/a.png?ex=10"})";

TEST(DiscordPayload, an_edit_is_an_event_of_its_own_and_a_preview_is_not) {
  const auto kind = [](const std::string& edited) {
    return parse(message(R"(,"edited_timestamp":)" + edited, "MESSAGE_UPDATE"))
        .messages.at(0)
        .event_kind;
  };
  EXPECT_EQ(kind(R"("2026-11-21T08:33:20.000000+00:00")"), "edit 1795250000");
  EXPECT_EQ(kind("null"), "message");
}

TEST(DiscordPayload, bots_are_taken_on_demand) {
  const std::string body =
      message(R"(,"author":{"id":"1","bot":true},"attachments":[)" + kAttachment + "]");
  EXPECT_EQ(media_count(parse(body)), 0u);
  EXPECT_EQ(media_count(parse(body, {.takes_bots = true})), 1u);
}

TEST(DiscordPayload, a_missing_intent_is_noted) {
  const Delivery delivery = parse_file("no_message_content_intent");
  EXPECT_NE(delivery.notes.at(0).find("MESSAGE_CONTENT"), std::string::npos);
}

TEST(DiscordPayload, an_odd_item_never_costs_the_others) {
  for (const std::string odd : {"null", "[]", "7", "{}", R"({"id":"1"})",
                                R"({"id":null,"url":"https://h"})", R"({"id":"1","url":5})",
                                R"({"id":"1","url":"https://h","size":-1,"duration_secs":"x",)"
                                R"("waveform":"no base64!","title":7})"}) {
    const Delivery delivery = parse(message(R"(,"attachments":[)" + odd + "," + kAttachment + "]"));
    ASSERT_EQ(delivery.messages.size(), 1u) << odd;
    EXPECT_EQ(delivery.messages[0].media.back().url_expires_at, 16) << odd;
  }
  std::string many = kAttachment;
  for (int i = 0; i < 11; ++i) many += "," + kAttachment;
  EXPECT_EQ(media_count(parse(message(R"(,"attachments":[)" + many + "]"))), kMaxMediaPerMessage);
}

TEST(DiscordPayload, what_is_none_of_it_is_malformed) {
  for (const char* body : {"", "null", "[]", "{}", R"({"type":1})", R"({"message":"x"})",
                           R"({"token":"t","type":"x"})", R"({"t":"MESSAGE_CREATE"})"}) {
    EXPECT_FALSE(parse_discord(body, {})) << body;
  }
  EXPECT_TRUE(parse(R"({"op":0,"t":"TYPING_START","d":{}})").messages.empty());
}

TEST(DiscordUrl, tells_its_end_in_hexadecimal) {
  EXPECT_EQ(discord_url_expiry("https://h/a?ex=65d903de&is=65c68ede&hm=ab&"), 0x65d903de);
  for (const char* url : {"", "https://h/a", "https://h/a?ex=", "https://h/a?ex=xyz",
                          "https://h/a?ex=-5", "https://h/a?ex=fffffffffffffffffffff"}) {
    EXPECT_FALSE(discord_url_expiry(url)) << url;
  }
}

class DiscordApi : public testing::Test {
 protected:
  DiscordApi() { account_.secrets.add("bot_token", "TOKEN"); }
  ResolveAnswer read(int status, const std::string& body) {
    return discord_.read_resolve_answer(media_, status, body, 1000);
  }
  using Verdict = ResolveAnswer::Verdict;

  Registry registry_{Config()};
  const Provider& discord_ = *registry_.find("discord");
  Account account_;
  MediaReference media_{"9/7/1234567891233211234", "https://cdn.discordapp.com/attachments/9/1/a"};
};

TEST_F(DiscordApi, asks_for_a_refresh_then_for_the_message) {
  const auto ways = discord_.resolve_requests(media_, account_);
  ASSERT_EQ(ways.size(), 2u);
  EXPECT_EQ(ways[0].method, "POST");
  EXPECT_EQ(ways[0].url, "https://discord.com/api/v10/attachments/refresh-urls");
  EXPECT_EQ(ways[0].body,
            R"({"attachment_urls":["https://cdn.discordapp.com/attachments/9/1/a"]})");
  EXPECT_EQ(ways[0].headers.at(0).second, "Bot TOKEN");
  EXPECT_TRUE(ways[0].headers.at(1).second.starts_with("DiscordBot (http"));
  EXPECT_EQ(ways[1].url, "https://discord.com/api/v10/channels/9/messages/7");
  media_.provider_media_id = "9/../7/1";
  EXPECT_EQ(discord_.resolve_requests(media_, account_).size(), 1u);
  EXPECT_TRUE(discord_.resolve_requests(media_, Account()).empty());
}

TEST_F(DiscordApi, reads_either_answer) {
  auto answer = read(200, test::provider_fixture("discord/refresh_urls_response.json"));
  EXPECT_EQ(answer.verdict, Verdict::found);
  EXPECT_EQ(answer.url_expires_at, kExpiry);
  const Json event = test::provider_fixture_json("discord/webhook_event_game_dm_create.json");
  answer = read(200, event["event"]["data"].dump());
  EXPECT_EQ(answer.verdict, Verdict::found);
  EXPECT_EQ(answer.url, event["event"]["data"]["attachments"][0]["url"].text());
}

TEST_F(DiscordApi, codes_and_statuses_decide) {
  EXPECT_EQ(read(401, R"({"message":"401: Unauthorized","code":0})").verdict, Verdict::refused);
  EXPECT_EQ(read(404, R"({"code":10008})").verdict, Verdict::gone);
  EXPECT_EQ(read(403, R"({"code":50001})").verdict, Verdict::gone);
  EXPECT_EQ(read(403, "<html>").verdict, Verdict::retry);
  EXPECT_EQ(read(404, R"({"message":"404: Not Found","code":0})").verdict, Verdict::bad_request);
  EXPECT_EQ(read(429, R"({"retry_after":1.337})").verdict, Verdict::rate_limited);
  EXPECT_EQ(read(500, "").verdict, Verdict::retry);
  EXPECT_EQ(read(200, R"({"refreshed_urls":[]})").verdict, Verdict::bad_request);
  EXPECT_EQ(read(200, R"({"refreshed_urls":[{"refreshed":null}]})").verdict, Verdict::bad_request);
  EXPECT_EQ(read(200, R"({"attachments":[]})").verdict, Verdict::bad_request);
}

TEST_F(DiscordApi, the_bots_token_is_not_for_the_cdn) {
  EXPECT_EQ(discord_.media_authorization(account_), "");
  EXPECT_TRUE(discord_.is_media_path("/attachments/9/1/a", account_));
  EXPECT_FALSE(discord_.is_media_path("/api/v10/users/@me", account_));
}

}  // namespace
}  // namespace media::providers
