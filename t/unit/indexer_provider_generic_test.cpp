#include <gtest/gtest.h>

#include "core/encoding.hpp"
#include "indexer/providers/generic.hpp"
#include "indexer/providers/timestamp.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

Delivery parse(const std::string& body) { return parse_generic(body, "msg_1").value(); }

std::string event(const std::string& data) {
  return R"({"type":"message.received","timestamp":"2026-11-21T08:33:20Z","data":)" + data + "}";
}

TEST(GenericPayload, reads_the_documented_event) {
  const Delivery delivery =
      parse(event(R"({"id":"m1","conversation_id":"c1","from":"+1","to":"+2","text":"hi",)"
                  R"("sent_at":"2026-11-21T10:33:20.5+02:00","media":[{"url":"https://h/a.jpg",)"
                  R"("content_type":"image/jpeg","file_name":"a.jpg","size":5,"id":"f1",)"
                  R"("sha256":"N8T2d2jm9jcccKS0ZdiNgP8YSwCHgWombubMgXDl6i0="}]})"));
  EXPECT_EQ(delivery.key, "msg_1");
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.account, "");
  EXPECT_EQ(message.external_id, "m1");
  EXPECT_EQ(message.conversation, "c1");
  EXPECT_EQ(message.sender, "+1");
  EXPECT_EQ(message.text, "hi");
  EXPECT_EQ(message.sent_at, 1795250000);
  const IncomingMedia& media = message.media.at(0);
  EXPECT_EQ(media.url, "https://h/a.jpg");
  EXPECT_EQ(media.provider_media_id, "f1");
  EXPECT_EQ(media.file_name, "a.jpg");
  EXPECT_EQ(media.file_type, "image");
  EXPECT_EQ(media.size, 5);
  EXPECT_TRUE(media.sha256);
  EXPECT_FALSE(media.deadline);
}

TEST(GenericPayload, reads_the_sample_of_the_fixtures) {
  const Delivery delivery = parse(test::provider_fixture("standard-webhooks/media_event.json"));
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.external_id, "m1");
  EXPECT_EQ(message.conversation, "m1");
  EXPECT_EQ(message.sent_at, 1795250000);
  EXPECT_EQ(message.media.at(0).size, 224);
  EXPECT_EQ(hex_encode(message.media[0].sha256.value()),
            "37c4f67768e6f6371c70a4b465d88d80ff184b0087816a266ee6cc8170e5ea2d");
}

TEST(GenericPayload, other_types_are_ignored) {
  EXPECT_TRUE(
      parse(R"({"type":"user.created","data":{"media":[{"url":"https://h"}]}})").messages.empty());
}

TEST(GenericPayload, a_message_without_media_is_a_message) {
  EXPECT_TRUE(parse(event(R"({"id":"m"})")).messages.at(0).media.empty());
  EXPECT_TRUE(parse(event(R"({"id":7,"media":null})")).messages.at(0).media.empty());
}

TEST(GenericPayload, what_is_not_as_documented_is_malformed_and_named) {
  const auto problem = [](const std::string& body) {
    const auto delivery = parse_generic(body, "msg_1");
    return delivery ? "" : delivery.error().message;
  };
  EXPECT_NE(problem(R"({"type":5})").find("type"), std::string::npos);
  EXPECT_NE(problem(R"({"type":"message.received"})").find("data.id"), std::string::npos);
  EXPECT_NE(problem(event("[]")).find("data.id"), std::string::npos);
  EXPECT_NE(problem(event(R"({"media":[]})")).find("data.id"), std::string::npos);
  EXPECT_NE(problem(event(R"({"id":"m","media":{}})")).find("data.media"), std::string::npos);
  EXPECT_NE(problem(event(R"({"id":"m","media":[{"url":"https://h"},{"url":7}]})"))
                .find("data.media[1].url"),
            std::string::npos);
  EXPECT_NE(problem(event(R"({"id":"m","media":[null]})")).find("data.media[0].url"),
            std::string::npos);
  EXPECT_NE(problem(event(R"({"id":"m","media":[{"url":"https://h/)" + std::string(5000, 'a') +
                          R"("}]})"))
                .find("4096"),
            std::string::npos);
}

TEST(GenericPayload, takes_ten_items_and_no_more) {
  const auto body = [](int count) {
    std::string items;
    for (int i = 0; i < count; ++i) items += std::string(i ? "," : "") + R"({"url":"https://h"})";
    return event(R"({"id":"m","media":[)" + items + "]}");
  };
  EXPECT_EQ(parse(body(10)).messages.at(0).media.size(), kMaxMediaPerMessage);
  EXPECT_FALSE(parse_generic(body(11), "msg_1"));
}

TEST(GenericPayload, the_file_type_follows_content_type_then_name_then_url) {
  const auto type_of = [](const std::string& item) {
    return parse(event(R"({"id":"m","media":[)" + item + "]}"))
        .messages.at(0)
        .media.at(0)
        .file_type;
  };
  EXPECT_EQ(type_of(R"({"url":"https://h/x.jpg","content_type":"audio/ogg; codecs=opus"})"),
            "audio");
  EXPECT_EQ(type_of(R"({"url":"https://h/x","content_type":"application/octet-stream",)"
                    R"("file_name":"Clip.MP4"})"),
            "video");
  EXPECT_EQ(type_of(R"({"url":"https://h/photo.JPG?sig=a.b"})"), "image");
  EXPECT_EQ(type_of(R"({"url":"https://h/download"})"), "document");
}

TEST(GenericPayload, what_is_not_an_object_is_malformed) {
  EXPECT_FALSE(parse_generic("", "id"));
  EXPECT_FALSE(parse_generic("[1]", "id"));
  EXPECT_FALSE(parse_generic("{\"type\"", "id"));
}

TEST(Rfc3339, reads_valid_and_refuses_the_rest) {
  EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parse_rfc3339("2026-11-21T08:33:20.123456Z"), 1795250000);
  EXPECT_EQ(parse_rfc3339("2026-11-21t03:03:20-05:30"), 1795250000);
  for (const char* text : {"", "2026-11-21", "2026-11-21T08:33:20", "2026-13-01T00:00:00Z",
                           "2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z", "2026-11-21T08:33:20.Z",
                           "2026-11-21T08:33:20+2:00", "2026-11-21T08:33:20Zx", "1795250000"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace media::providers
