#include "indexer/fetch/transfer.hpp"

#include <gtest/gtest.h>

#include "indexer/fetch/url.hpp"
#include "indexer_fetch_fixture.hpp"
#include "indexer_fixture.hpp"
#include "indexer_provider_fixture.hpp"

namespace media::fetch {
namespace {

TEST(FetchUrl, names_scheme_host_and_port_as_the_client_sees_them) {
  const auto parts = parse_url("https://Media.Example.TEST./a?b#c");
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->host, "media.example.test");
  EXPECT_EQ(parts->port, 443);
  EXPECT_EQ(parse_url("http://h:8080/")->port, 8080);
  EXPECT_EQ(parse_url("https://[::1]:9/")->host, "::1");
  for (const std::string& url :
       {std::string(), std::string("/path"), std::string("//h/x"), std::string("ftp://h/"),
        std::string("file:///etc/passwd"), std::string("https://user@h/"),
        std::string("https://u:p@h/"), std::string("https://"),
        std::string("https://h\0.evil/", 16), std::string("https://h /x")}) {
    EXPECT_FALSE(parse_url(url)) << url;
  }
}

class TransferTest : public testing::Test {
 protected:
  TransferTest() {
    rules_.hosts = &hosts_;
    rules_.authorization = "Bearer TOKEN";
    rules_.is_cancelled = [this] { return is_cancelled_; };
    expectation_.max_bytes = 1 << 20;
    expectation_.file_type = "image";
  }

  Result<TransferEnd> get(const std::string& url) {
    Result<TransferEnd> end = fail(ErrorCode::internal, "");
    MediaSink sink(staging_, expectation_);
    test::run(loop_, [&](boost::asio::yield_context yield) {
      end = transfer(yield, client_, url, rules_, sink);
    });
    return end;
  }

  const std::string photo_ = test::provider_fixture("media/photo.jpg");
  boost::asio::io_context loop_{1};
  test::FakeHttpClient client_;
  test::FakeStaging staging_;
  MediaExpectation expectation_;
  providers::HostPolicy hosts_{{"media.test"}, {".cdn.test"}};
  TransferRules rules_;
  bool is_cancelled_ = false;
};

TEST_F(TransferTest, a_media_host_sees_the_credential) {
  client_.script["https://media.test/a"] = {{200, photo_}};
  EXPECT_EQ(get("https://media.test/a")->status, 200);
  EXPECT_EQ(client_.credentials, std::vector<std::string>{"Bearer TOKEN"});
}

TEST_F(TransferTest, a_redirect_host_never_does) {
  client_.script["https://media.test/a"] = {{302, "", "https://x.cdn.test/a"}};
  client_.script["https://x.cdn.test/a"] = {{307, "", "https://media.test/b"}};
  client_.script["https://media.test/b"] = {{200, photo_}};
  EXPECT_EQ(get("https://media.test/a")->status, 200);
  EXPECT_EQ(client_.credentials, (std::vector<std::string>{"Bearer TOKEN", "", ""}));
}

TEST_F(TransferTest, hosts_on_no_list_are_not_asked) {
  client_.script["https://media.test/a"] = {{302, "", "https://evil.test/a"}};
  const auto redirected = get("https://media.test/a");
  ASSERT_FALSE(redirected);
  EXPECT_EQ(redirected.error().code, ErrorCode::blocked_address);
  EXPECT_NE(redirected.error().message.find("evil.test"), std::string::npos);
  EXPECT_EQ(client_.urls.size(), 1u);
  EXPECT_EQ(get("https://x.cdn.test/a").error().code, ErrorCode::blocked_address);
  EXPECT_EQ(get("https://media.test.evil.test/a").error().code, ErrorCode::blocked_address);
  EXPECT_EQ(client_.urls.size(), 1u);
}

TEST_F(TransferTest, plain_http_is_refused_on_every_hop) {
  client_.script["https://media.test/a"] = {{302, "", "http://media.test/a"}};
  EXPECT_EQ(get("http://media.test/a").error().code, ErrorCode::blocked_address);
  EXPECT_EQ(get("https://media.test/a").error().code, ErrorCode::blocked_address);
  rules_.allow_plain_http = true;
  client_.script["http://media.test/a"] = {{200, photo_}};
  EXPECT_EQ(get("https://media.test/a")->status, 200);
}

TEST_F(TransferTest, redirects_end_somewhere) {
  client_.script["https://media.test/a"] = {{302, "", "https://media.test/a"}};
  const auto looped = get("https://media.test/a");
  ASSERT_FALSE(looped);
  EXPECT_EQ(looped.error().code, ErrorCode::network);
  EXPECT_EQ(client_.urls.size(), 6u);
  client_.script["https://media.test/b"] = {{302, "", ""}};
  EXPECT_EQ(get("https://media.test/b").error().code, ErrorCode::network);
}

TEST_F(TransferTest, bodies_of_other_answers_are_not_media) {
  client_.script["https://media.test/a"] = {{429, "slow down", "", "7"}};
  const auto limited = get("https://media.test/a");
  EXPECT_EQ(limited->status, 429);
  EXPECT_EQ(limited->retry_after, "7");
  client_.script["https://media.test/a"] = {{500, std::string(1 << 20, 'x')}};
  EXPECT_EQ(get("https://media.test/a").error().code, ErrorCode::network);
}

TEST_F(TransferTest, a_cancelled_job_stops_its_transfer) {
  is_cancelled_ = true;
  client_.script["https://media.test/a"] = {{200, photo_}};
  EXPECT_EQ(get("https://media.test/a").error().code, ErrorCode::cancelled);
}

TEST_F(TransferTest, messages_never_carry_path_or_query) {
  const auto blocked = get("https://evil.test/secret-path?token=1");
  EXPECT_EQ(blocked.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace media::fetch
