// Runs every signature vector of t/fixtures/providers/vectors.json.
#include <gtest/gtest.h>

#include "indexer/config.hpp"
#include "indexer/providers/registry.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

// A vector names what it expects; without a word it is to be accepted.
bool is_accepted(const Json& vector) {
  const std::string_view expect = vector["expect"].text();
  return expect.empty() || expect.starts_with("accept");
}

http::Request request_of(const Json& vector) {
  http::Request request =
      test::webhook_request(test::provider_fixture(std::string(vector["body_file"].text())));
  if (vector["header"]) {
    request.headers.emplace_back(vector["header"].text(), vector["value"].text());
  }
  for (const char* name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
    if (const Json value = vector["headers"][name]) {
      request.headers.emplace_back(name, value.text());
    }
  }
  return request;
}

struct Case {
  const Provider* provider;
  Secrets secrets;
  std::int64_t now;
};

Case case_of(const Registry& registry, const Json& vector) {
  Case result;
  const bool is_whatsapp = vector["provider"].text() == "whatsapp";
  result.provider = registry.find(is_whatsapp ? "whatsapp" : "generic");
  result.secrets.add(is_whatsapp ? "app_secret" : "secret", std::string(vector["key"].text()));
  result.now = vector["clock_unix"].integer().value_or(1795250000);
  return result;
}

class SignatureVectors : public testing::Test {
 protected:
  Registry registry_{Config()};
  Json vectors_ = test::provider_fixture_json("vectors.json");
};

TEST_F(SignatureVectors, accepts_and_rejects_as_they_say) {
  ASSERT_GE(vectors_.size(), 41u);
  for (std::size_t i = 0; i < vectors_.size(); ++i) {
    const Json vector = vectors_[i];
    const Case c = case_of(registry_, vector);
    const auto verified = c.provider->verify(request_of(vector), c.secrets, c.now);
    EXPECT_EQ(verified.has_value(), is_accepted(vector))
        << vector["body_file"].text() << ": " << vector["note"].text();
    if (!verified) {
      EXPECT_EQ(verified.error().code, ErrorCode::unauthorized);
    }
  }
}

TEST_F(SignatureVectors, a_changed_bit_in_body_or_key_is_refused) {
  for (std::size_t i = 0; i < vectors_.size(); ++i) {
    const Json vector = vectors_[i];
    if (!is_accepted(vector)) continue;
    const Case c = case_of(registry_, vector);
    http::Request request = request_of(vector);
    for (std::size_t at = 0; at < request.body.size(); at += 7) {
      request.body[at] ^= 1;
      EXPECT_FALSE(c.provider->verify(request, c.secrets, c.now)) << "body byte " << at;
      request.body[at] ^= 1;
    }
    Secrets other;
    other.add(c.secrets.first("secret").empty() ? "app_secret" : "secret", "c29tZXRoaW5nIGVsc2U=");
    EXPECT_FALSE(c.provider->verify(request, other, c.now));
    EXPECT_FALSE(c.provider->verify(request, Secrets(), c.now));
  }
}

TEST_F(SignatureVectors, a_header_sent_twice_is_refused) {
  const Json vector = vectors_[0];
  const Case c = case_of(registry_, vector);
  http::Request request = request_of(vector);
  request.headers.push_back(request.headers.front());
  EXPECT_FALSE(c.provider->verify(request, c.secrets, c.now));
}

TEST(HubSignature, any_of_several_secrets_may_match) {
  Registry registry{Config()};
  const Json vector = test::provider_fixture_json("vectors.json")[0];
  Secrets secrets;
  secrets.add("app_secret", "the one that was replaced");
  secrets.add("app_secret", std::string(vector["key"].text()));
  EXPECT_TRUE(registry.find("whatsapp")->verify(request_of(vector), secrets, 0));
}

class StandardWebhook : public SignatureVectors {
 protected:
  StandardWebhook() {
    for (std::size_t i = 0; i < vectors_.size(); ++i) {
      if (vectors_[i]["provider"].text() != "standard-webhooks") continue;
      vector_ = vectors_[i];
      break;
    }
  }
  bool verifies(const http::Request& request) {
    const Case c = case_of(registry_, vector_);
    return c.provider->verify(request, c.secrets, c.now).has_value();
  }
  Json vector_;
};

TEST_F(StandardWebhook, svix_header_names_work_too) {
  http::Request request = request_of(vector_);
  for (auto& [name, value] : request.headers) name = "svix-" + name.substr(name.find('-') + 1);
  EXPECT_TRUE(verifies(request));
}

TEST_F(StandardWebhook, timestamps_that_libraries_print_differently_are_refused) {
  for (const char* timestamp :
       {"+1614265330", "01614265330", "1614265330.0", "1e9", "", "16142653301614265330"}) {
    http::Request request = request_of(vector_);
    for (auto& [name, value] : request.headers) {
      if (name == "webhook-timestamp") value = timestamp;
    }
    EXPECT_FALSE(verifies(request)) << timestamp;
  }
}

TEST_F(StandardWebhook, each_of_its_headers_is_needed) {
  for (std::size_t i = 0; i < 3; ++i) {
    http::Request request = request_of(vector_);
    request.headers.erase(request.headers.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(verifies(request));
  }
}

TEST_F(StandardWebhook, keys_are_checked_when_an_account_is_made) {
  const Provider& generic = *registry_.find("generic");
  EXPECT_TRUE(generic.check_secret("secret", vector_["key"].text()));
  EXPECT_TRUE(generic.check_secret("secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
  EXPECT_TRUE(generic.check_secret("secret", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="));
  EXPECT_FALSE(generic.check_secret("secret", "whpk_c2hvcnQ="));
  EXPECT_FALSE(generic.check_secret("secret", "whsec_"));
  EXPECT_FALSE(generic.check_secret("secret", "not base64!"));
  const auto private_key = generic.check_secret("secret", "whsk_c2hvcnQ=");
  ASSERT_FALSE(private_key);
  EXPECT_NE(private_key.error().message.find("whpk_"), std::string::npos);
}

}  // namespace
}  // namespace media::providers
