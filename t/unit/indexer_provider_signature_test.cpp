// Runs every signature vector of t/fixtures/providers/vectors.json.
#include <algorithm>
#include <stdexcept>

#include <gtest/gtest.h>

#include "core/encoding.hpp"
#include "indexer/config.hpp"
#include "indexer/providers/registry.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::providers {
namespace {

// A vector names what it expects; without a word it is to be accepted. Where
// Twilio's own libraries accept, so do we.
bool is_accepted(const Json& vector) {
  const std::string_view expect = vector["expect"].text();
  return expect.empty() || expect.starts_with("accept") || expect == "sdk-accepts";
}

// Origin and target of a URL: the target is what the request line has.
std::pair<std::string, std::string> split_origin(const std::string& url) {
  const auto slash = url.find('/', url.find("://") + 3);
  return {url.substr(0, slash), slash == std::string::npos ? "" : url.substr(slash)};
}

http::Request request_of(const Json& vector) {
  http::Request request =
      test::webhook_request(test::provider_fixture(std::string(vector["body_file"].text())));
  if (vector["header"]) {
    request.headers.emplace_back(vector["header"].text(), vector["value"].text());
  }
  if (vector["timestamp_header"]) {
    request.headers.emplace_back(vector["timestamp_header"].text(), vector["timestamp"].text());
  }
  for (const char* name : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
    if (const Json value = vector["headers"][name]) {
      request.headers.emplace_back(name, value.text());
    }
  }
  request.target = split_origin(std::string(vector["url"].text())).second;
  request.headers.emplace_back("Content-Type", vector["body_file"].text().ends_with(".form")
                                                   ? "application/x-www-form-urlencoded"
                                                   : "application/json");
  return request;
}

// Who verifies vectors of that name, and what its secret is called. GitHub signs
// like WhatsApp.
struct Verifier {
  std::string_view vectors;
  std::string_view provider;
  std::string_view secret;
};
constexpr Verifier kVerifiers[] = {
    {"whatsapp", "whatsapp", "app_secret"},     {"github", "whatsapp", "app_secret"},
    {"twilio", "twilio", "auth_token"},         {"discord", "discord", "public_key"},
    {"openphone", "openphone", "signing_key"},  {"quo-2026-03-30", "quo", "secret"},
    {"standard-webhooks", "generic", "secret"},
};

struct Case {
  std::unique_ptr<Registry> registry;
  const Provider* provider = nullptr;
  std::string secret_name;
  Secrets secrets;
  std::int64_t now = 0;
};

Case case_of(const Json& vector) {
  Case result;
  const auto* verifier =
      std::ranges::find(kVerifiers, vector["provider"].text(), &Verifier::vectors);
  if (verifier == std::end(kVerifiers)) {
    throw std::runtime_error("vectors of an unknown provider");
  }
  Config config;
  if (vector["url"])
    config.server.public_url = split_origin(std::string(vector["url"].text())).first;
  result.registry = std::make_unique<Registry>(config);
  result.provider = result.registry->find(verifier->provider);
  result.secret_name = verifier->secret;
  result.secrets.add(result.secret_name, std::string(vector["key"].text()));
  result.now = vector["clock_unix"].integer().value_or(1795250000);
  return result;
}

class SignatureVectors : public testing::Test {
 protected:
  // Slack's, who is no provider of ours, stays out.
  SignatureVectors() {
    const Json all = test::provider_fixture_json("vectors.json");
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i]["provider"].text() != "slack") vectors_.push_back(all[i]);
    }
  }
  Registry registry_{Config()};
  std::vector<Json> vectors_;
};

TEST_F(SignatureVectors, accepts_and_rejects_as_they_say) {
  ASSERT_EQ(vectors_.size(), 95u);
  for (const Json& vector : vectors_) {
    const Case c = case_of(vector);
    const auto verified = c.provider->verify(request_of(vector), c.secrets, c.now);
    EXPECT_EQ(verified.has_value(), is_accepted(vector))
        << vector["body_file"].text() << ": " << vector["note"].text();
    if (!verified) {
      EXPECT_EQ(verified.error().code, ErrorCode::unauthorized);
    }
  }
}

TEST_F(SignatureVectors, a_changed_bit_in_body_or_key_is_refused) {
  for (const Json& vector : vectors_) {
    if (!is_accepted(vector)) continue;
    const Case c = case_of(vector);
    http::Request request = request_of(vector);
    for (std::size_t at = 0; at < request.body.size(); at += 7) {
      request.body[at] ^= 1;
      EXPECT_FALSE(c.provider->verify(request, c.secrets, c.now))
          << vector["body_file"].text() << " byte " << at;
      request.body[at] ^= 1;
    }
    Secrets other;
    other.add(c.secret_name, "c29tZXRoaW5nIGVsc2U=");
    EXPECT_FALSE(c.provider->verify(request, other, c.now));
    EXPECT_FALSE(c.provider->verify(request, Secrets(), c.now));
  }
}

TEST_F(SignatureVectors, a_header_sent_twice_is_refused) {
  const Json vector = vectors_[0];
  const Case c = case_of(vector);
  http::Request request = request_of(vector);
  request.headers.push_back(request.headers.front());
  EXPECT_FALSE(c.provider->verify(request, c.secrets, c.now));
}

// The same mathematics with a prefix and a time of its own.
TEST(SlackVector, agrees_with_our_hmac) {
  const Json all = test::provider_fixture_json("vectors.json");
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i]["provider"].text() != "slack") continue;
    const std::string text = "v0:" + std::string(all[i]["timestamp"].text()) + ":" +
                             test::provider_fixture(std::string(all[i]["body_file"].text()));
    EXPECT_EQ("v0=" + hex_encode(hmac_sha256(as_bytes(all[i]["key"].text()), as_bytes(text))),
              all[i]["value"].text());
  }
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
    vector_ = *std::ranges::find_if(vectors_, [](const Json& vector) {
      return vector["provider"].text() == "standard-webhooks";
    });
  }
  bool verifies(const http::Request& request) {
    const Case c = case_of(vector_);
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
