#include "indexer/providers/twilio.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "core/encoding.hpp"
#include "indexer/providers/photo_acknowledgment.hpp"
#include "indexer/providers/twilio_signature.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

constexpr std::int64_t kNow = 1795250000;
const std::string kSid = "ACa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
const std::string kMediaPath = "/2010-04-01/Accounts/" + kSid +
                               "/Messages/MMc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3"
                               "/Media/MEd4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4";

Account account_with(std::set<std::string, std::less<>> switches = {}) {
  Account account;
  account.external_id = kSid;
  account.secrets.add("auth_token", "new token");
  account.secrets.add("auth_token", "old token");
  account.switches = std::move(switches);
  return account;
}

class TwilioTest : public testing::Test {
 protected:
  Delivery parse(const std::string& body, const Account& account = account_with()) {
    http::Request request = test::webhook_request(body);
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=UTF-8"}};
    return twilio_.parse(request, account, kNow).value();
  }
  Delivery parse_file(const std::string& name, const Account& account = account_with()) {
    return parse(test::provider_fixture("twilio/" + name), account);
  }

  Registry registry_{Config()};
  const Provider& twilio_ = *registry_.find("twilio");
};

TEST_F(TwilioTest, reads_every_media_of_a_message) {
  const Delivery delivery = parse_file("mms_two_media.form");
  EXPECT_EQ(delivery.key, "MMc3c3c3c3c3c3c3c3c3c3c3c3c3c3c3c3");
  EXPECT_TRUE(delivery.notes.empty());
  const IncomingMessage& message = delivery.messages.at(0);
  EXPECT_EQ(message.account, kSid);
  EXPECT_EQ(message.external_id, delivery.key);
  EXPECT_EQ(message.sender, "+14017122661");
  EXPECT_EQ(message.conversation, "+14017122661");
  EXPECT_EQ(message.text, "two files");
  EXPECT_EQ(message.sent_at, kNow);
  ASSERT_EQ(message.media.size(), 2u);
  EXPECT_EQ(message.media[0].url, "https://api.twilio.com" + kMediaPath);
  EXPECT_EQ(message.media[0].provider_media_id, "MEd4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4");
  EXPECT_EQ(message.media[0].declared_mime_type, "image/jpeg");
  EXPECT_EQ(message.media[0].file_type, "image");
  EXPECT_EQ(message.media[1].index, 1);
  EXPECT_EQ(message.media[1].file_type, "video");
}

TEST_F(TwilioTest, whatsapp_conversations_are_apart_from_text_messages) {
  const IncomingMessage message = parse_file("whatsapp_voice.form").messages.at(0);
  EXPECT_EQ(message.sender, "+447700900123");
  EXPECT_EQ(message.conversation, "whatsapp:+447700900123");
  EXPECT_EQ(message.media.at(0).file_type, "audio");
}

TEST_F(TwilioTest, a_sender_without_an_address_has_a_conversation_nevertheless) {
  const Delivery delivery = parse("MessageSid=SM1&From=&NumMedia=0");
  EXPECT_EQ(delivery.messages.at(0).conversation, "SM1");
}

TEST_F(TwilioTest, texts_keep_every_byte) {
  for (const char* name : {"sms_no_media_special_chars.form", "sms_query_in_url.form"}) {
    const IncomingMessage message = parse_file(name).messages.at(0);
    EXPECT_EQ(message.text, "100% + café & =/?#\n ok ");
    EXPECT_TRUE(message.media.empty());
  }
}

TEST_F(TwilioTest, media_elsewhere_is_an_item_that_no_host_list_admits) {
  const IncomingMessage message = parse_file("mms_foreign_media_host.form").messages.at(0);
  ASSERT_EQ(message.media.size(), 2u);
  EXPECT_FALSE(is_media_host(twilio_.hosts(), "evil.example", 443));
  EXPECT_TRUE(is_media_host(twilio_.hosts(), "api.twilio.com", 443));
  EXPECT_FALSE(is_redirect_host(twilio_.hosts(), "evil.example", 443));
  EXPECT_TRUE(is_redirect_host(twilio_.hosts(), "mms.twiliocdn.com", 443));
}

TEST_F(TwilioTest, urls_count_whatever_num_media_says) {
  const std::string message = "MessageSid=MM1&From=%2B1&AccountSid=AC1";
  EXPECT_EQ(parse(message + "&NumMedia=0&MediaUrl0=https://h/0").messages.at(0).media.size(), 1u);
  EXPECT_EQ(parse(message + "&NumMedia=9&MediaUrl0=https://h/0").messages.at(0).media.size(), 1u);
  EXPECT_EQ(parse(message + "&NumMedia=1&MediaUrl1=https://h/1").messages.at(0).media.size(), 0u);
  std::string many = message + "&NumMedia=12";
  for (int i = 0; i < 12; ++i) many += "&MediaUrl" + std::to_string(i) + "=https://h/";
  const Delivery delivery = parse(many);
  EXPECT_EQ(delivery.messages.at(0).media.size(), kMaxMediaPerMessage);
  EXPECT_FALSE(delivery.notes.empty());
}

TEST_F(TwilioTest, what_is_no_incoming_message_is_acknowledged) {
  for (const std::string body :
       {"", "&&&", "MessageSid=%00&From=1&NumMedia=0",
        "MessageSid=SM1&AccountSid=%ff&From=1&NumMedia=0",
        "MessageSid=SM1&MessageStatus=delivered&From=%2B1", "a=%zz", "=&="}) {
    const Delivery delivery = parse(body);
    EXPECT_TRUE(delivery.messages.empty()) << body;
    EXPECT_FALSE(delivery.key.empty()) << body;
    EXPECT_EQ(delivery.answer->content_type, "text/xml") << body;
  }
  http::Request json = test::webhook_request(test::provider_fixture("twilio/json_body.json"));
  json.headers = {{"Content-Type", "application/json"}};
  EXPECT_TRUE(twilio_.parse(json, account_with(), kNow)->messages.empty());
}

TEST_F(TwilioTest, the_answer_is_twiml_and_says_something_only_on_demand) {
  EXPECT_EQ(parse_file("mms_two_media.form").answer->body,
            test::provider_fixture("twilio/twiml_empty.xml"));
  const Account polite = account_with({"acknowledge"});
  const auto answer = parse_file("mms_two_media.form", polite).answer.value();
  EXPECT_EQ(answer.content_type, "text/xml");
  EXPECT_NE(answer.body.find("<Response><Message>Thank you, we received your 1 photo and 1 video."
                             "</Message></Response>"),
            std::string::npos)
      << answer.body;
  EXPECT_EQ(parse_file("sms_query_in_url.form", polite).answer->body,
            test::provider_fixture("twilio/twiml_empty.xml"));
}

TEST(Twiml, escapes_what_it_says) {
  EXPECT_EQ(twiml("Got 2 files & saved them.").body,
            test::provider_fixture("twilio/twiml_message.xml"));
  EXPECT_NE(twiml("<a>").body.find("<Message>&lt;a&gt;</Message>"), std::string::npos);
}

TEST_F(TwilioTest, only_paths_of_its_own_media_get_the_credential) {
  const Account account = account_with();
  EXPECT_TRUE(twilio_.is_media_path(kMediaPath, account));
  std::string foreign = kMediaPath;
  foreign[foreign.find("ACa1") + 2] = 'b';
  const std::string message_only = kMediaPath.substr(0, kMediaPath.find("/Media"));
  for (const std::string& path :
       {foreign, message_only, kMediaPath + "/", kMediaPath + "x", kMediaPath + ".json",
        "/x" + kMediaPath, std::string("/2010-04-01/Accounts/" + kSid + "/../AC/Messages.json"),
        std::string("/"), std::string()}) {
    EXPECT_FALSE(twilio_.is_media_path(path, account)) << path;
  }
  EXPECT_EQ(twilio_.media_authorization(account),
            "Basic " + base64_encode(as_bytes(kSid + ":new token")));
}

TEST_F(TwilioTest, media_is_deleted_there_only_on_demand) {
  const std::string url = "https://api.twilio.com" + kMediaPath;
  EXPECT_FALSE(twilio_.delete_request({"", url}, account_with()));
  const auto request = twilio_.delete_request({"", url}, account_with({"delete_after_storage"}));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "DELETE");
  EXPECT_EQ(request->url, url + ".json");
  EXPECT_FALSE(twilio_.delete_request({"", "https://api.twilio.com/other"},
                                      account_with({"delete_after_storage"})));
}

TEST_F(TwilioTest, the_external_id_is_an_account_sid) {
  EXPECT_TRUE(twilio_.check_external_id(kSid));
  for (const char* id : {"", "AC1", "ACa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1ag", "MM123"}) {
    EXPECT_FALSE(twilio_.check_external_id(id)) << id;
  }
}

TEST(TwilioSignature, needs_a_digest_for_what_is_no_form) {
  http::Request request = test::webhook_request("{}");
  request.headers = {{"Content-Type", "application/json"},
                     {"X-Twilio-Signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}};
  EXPECT_FALSE(verify_twilio_signature("https://h/", request, {"token"}));
}

TEST(TwilioSignature, survives_odd_urls_and_headers) {
  for (const std::string url :
       {"", "h", "https://", "https://[::1", "https://[::1]:8/x", "://", "a://@:"}) {
    for (const std::string header : {"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAA"}) {
      http::Request request = test::webhook_request("a=b");
      request.headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                         {"X-Twilio-Signature", header}};
      EXPECT_FALSE(verify_twilio_signature(url, request, {"token", ""})) << url;
    }
  }
}

TEST(PhotoAcknowledgment, counts_by_kind) {
  const auto text = [](const std::vector<std::string>& types) {
    std::vector<IncomingMedia> media;
    for (const std::string& type : types) media.emplace_back().file_type = type;
    return generate_photo_acknowledgment(media);
  };
  EXPECT_EQ(text({}), "");
  EXPECT_EQ(text({"image"}), "Thank you, we received your photo.");
  EXPECT_EQ(text({"image", "image"}), "Thank you, we received your 2 photos.");
  EXPECT_EQ(text({"document", "image", "audio"}),
            "Thank you, we received your 1 photo, 1 audio message and 1 document.");
}

TEST(Form, decodes_and_limits) {
  const auto form = http::Form::parse("a=1+2&b=%2B%00&a=3&c&=d");
  ASSERT_TRUE(form);
  EXPECT_EQ(form->value("a"), "1 2");
  EXPECT_EQ(form->value("b"), std::string_view("+\0", 2));
  EXPECT_TRUE(form->has("c"));
  EXPECT_EQ(form->value("c"), "");
  EXPECT_EQ(form->value(""), "d");
  EXPECT_FALSE(http::Form::parse("a=%z"));
  std::string many;
  for (std::size_t i = 0; i < http::kMaxFormFields; ++i) many += "a&";
  EXPECT_TRUE(http::Form::parse(many));
  EXPECT_FALSE(http::Form::parse(many + "a"));
}

}  // namespace
}  // namespace media::providers
