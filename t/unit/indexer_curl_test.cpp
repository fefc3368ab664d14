#include <gtest/gtest.h>

#include <chrono>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "indexer/fetch/http_client.hpp"
#include "indexer/http/server.hpp"
#include "t/unit/indexer_fixture.hpp"

namespace media::fetch {
namespace {

namespace asio = boost::asio;
using asio::yield_context;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A peer on 127.0.0.1 that answers with given bytes, right or wrong.
class RawServer {
 public:
  using Talk = std::function<void(tcp::socket&, const std::string& head, yield_context)>;

  /// Plays `talk` once for each request head that arrives.
  RawServer(asio::io_context& loop, Talk talk)
      : acceptor_(loop, {asio::ip::address_v4::loopback(), 0}), talk_(std::move(talk)) {
    spawn(loop, "raw server", [this, &loop](yield_context yield) { accept(loop, yield); });
  }

  std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + path;
  }
  int connections = 0;

 private:
  void accept(asio::io_context& loop, yield_context yield) {
    for (error_code error; !error;) {
      const auto socket = std::make_shared<tcp::socket>(loop);
      acceptor_.async_accept(*socket, yield[error]);
      if (error) return;
      ++connections;
      spawn(loop, "raw connection", [this, socket](yield_context inner) {
        std::string input;
        for (error_code failure; !failure && socket->is_open();) {
          const std::size_t size = asio::async_read_until(*socket, asio::dynamic_buffer(input),
                                                          "\r\n\r\n", inner[failure]);
          if (failure) return;
          const std::string head = input.substr(0, size);
          input.erase(0, size);
          talk_(*socket, head, inner);
        }
      });
    }
  }

  tcp::acceptor acceptor_;
  Talk talk_;
};

/// Answers with fixed bytes and, unless told to keep it, closes the connection.
RawServer::Talk answer(std::string bytes, bool keep_open = false) {
  return [bytes = std::move(bytes), keep_open](tcp::socket& socket, const std::string&,
                                               yield_context yield) {
    error_code ignored;
    asio::async_write(socket, asio::buffer(bytes), yield[ignored]);
    if (!keep_open) socket.close(ignored);
  };
}

std::string ok(const std::string& body, const std::string& more_headers = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         more_headers + "\r\n" + body;
}

class CurlClientTest : public testing::Test {
 protected:
  static HttpClientOptions options() {
    HttpClientOptions wanted;
    wanted.addresses = {.allow_private_addresses = true, .allow_plain_http = true};
    wanted.user_agent = "unit/1";
    return wanted;
  }

  Result<HttpResponse> get(HttpClient& client, const std::string& url, std::uint64_t limit = 1000,
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
    Result<HttpResponse> response = fail(ErrorCode::internal, "not run");
    body_.clear();
    test::run(loop_, [&](yield_context yield) {
      response = client.send(yield, {url, headers, limit}, {}, [this](ByteView chunk) {
        body_ += as_text(chunk);
        return Result<void>();
      });
    });
    return response;
  }

  Result<HttpResponse> get(const std::string& url, std::uint64_t limit = 1000) {
    const auto client = make_curl_client(loop_, options());
    return get(*client, url, limit);
  }

  asio::io_context loop_;
  std::string body_;
};

TEST_F(CurlClientTest, status_headers_and_body_arrive) {
  std::string seen;
  RawServer server(loop_, [&](tcp::socket& socket, const std::string& head, yield_context yield) {
    seen = head;
    asio::async_write(socket, asio::buffer(ok("photo", "Content-Type: image/jpeg\r\n")), yield);
  });
  const auto client = make_curl_client(loop_, options());
  const auto response =
      get(*client, server.url("/a%2Fb/../c?sig=x%20y"), 1000, {{"Authorization", "Bearer t"}});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "image/jpeg");
  EXPECT_EQ(response->content_length, 5);
  EXPECT_EQ(response->received, 5u);
  EXPECT_EQ(body_, "photo");
  EXPECT_TRUE(seen.starts_with("GET /a%2Fb/../c?sig=x%20y HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nAuthorization: Bearer t\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\nAccept-Encoding: identity\r\n"), std::string::npos) << seen;
  EXPECT_NE(seen.find("\r\nUser-Agent: unit/1\r\n"), std::string::npos) << seen;
}

TEST_F(CurlClientTest, a_method_and_a_body_are_sent) {
  std::string seen;
  RawServer server(loop_, [&](tcp::socket& socket, const std::string& head, yield_context yield) {
    seen = head;
    answer(ok(""))(socket, head, yield);
  });
  const auto client = make_curl_client(loop_, options());
  const auto send = [&](const HttpRequest& request) {
    test::run(loop_, [&](yield_context yield) {
      EXPECT_EQ(client->send(yield, request, {}, {})->status, 200);
    });
  };
  send({.url = server.url("/x"), .method = "POST", .body = "abcd"});
  EXPECT_TRUE(seen.starts_with("POST /x HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nContent-Length: 4\r\n"), std::string::npos) << seen;
  send({.url = server.url("/x"), .method = "DELETE"});
  EXPECT_TRUE(seen.starts_with("DELETE /x HTTP/1.1\r\n")) << seen;
}

TEST_F(CurlClientTest, our_own_server_and_client_understand_each_other) {
  http::ServerOptions server_options;
  server_options.listen = "127.0.0.1:0";
  const std::string photo(3u << 20, 'p');
  http::Server server(loop_, server_options, [&](const http::Request& request, yield_context) {
    return http::Response{request.path() == "/photo" ? 200 : 404, "image/png", photo, {}};
  });
  ASSERT_TRUE(server.start());
  const std::string base = "http://localhost:" + std::to_string(server.port());
  const auto client = make_curl_client(loop_, options());
  const auto found = get(*client, base + "/photo", photo.size());
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_TRUE(body_ == photo);
  const auto missing = get(*client, base + "/other", photo.size());
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->status, 404);
}

TEST_F(CurlClientTest, a_redirect_is_reported_and_not_followed) {
  RawServer server(loop_, answer("HTTP/1.1 302 Found\r\nLocation: ../x?y=1\r\nRetry-After: 7\r\n"
                                 "Content-Length: 0\r\n\r\n"));
  const auto response = get(server.url("/a/b/c"));
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 302);
  EXPECT_EQ(response->location, server.url("/a/x?y=1"));
  EXPECT_EQ(response->retry_after, "7");
  EXPECT_EQ(server.connections, 1);
}

TEST_F(CurlClientTest, locations_of_any_scheme_come_back_absolute) {
  for (const auto& [location, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"https://cdn.example/x", "https://cdn.example/x"},
           {"//cdn.example/x", "http://cdn.example/x"},
           {"file:///etc/passwd", "file:///etc/passwd"},
           {"gopher://h/x", "gopher://h/x"}}) {
    RawServer server(loop_, answer("HTTP/1.1 301 Moved\r\nLocation: " + location +
                                   "\r\nContent-Length: 0\r\n\r\n"));
    const auto response = get(server.url());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->location, wanted);
  }
}

TEST_F(CurlClientTest, an_interim_answer_is_not_the_answer) {
  RawServer server(
      loop_, answer("HTTP/1.1 103 Early Hints\r\nContent-Type: text/x\r\n\r\n" + ok("photo")));
  const auto response = get(server.url());
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "");
  EXPECT_EQ(body_, "photo");
}

TEST_F(CurlClientTest, an_announced_length_over_the_limit_stops_before_the_body) {
  RawServer server(loop_, answer("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\nx", true));
  const auto response = get(server.url(), 1000);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::too_large);
  EXPECT_EQ(body_, "");
}

TEST_F(CurlClientTest, a_chunked_body_over_the_limit_stops_at_it) {
  std::string bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 100; ++i) bytes += "400\r\n" + std::string(1024, 'x') + "\r\n";
  RawServer server(loop_, answer(bytes + "0\r\n\r\n", true));
  const auto response = get(server.url(), 50000);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::too_large);
  EXPECT_LE(body_.size(), 50000u);
  const auto fits = get(server.url(), 102400);
  ASSERT_TRUE(fits) << fits.error().message;
  EXPECT_EQ(body_.size(), 102400u);
}

TEST_F(CurlClientTest, an_endless_error_page_is_cut_off_and_keeps_its_status) {
  RawServer server(
      loop_, answer("HTTP/1.1 503 Down\r\nContent-Length: 100000\r\n\r\n" + std::string(50000, 'x'),
                    true));
  const auto response = get(server.url(), 1000);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->status, 503);
  EXPECT_LE(body_.size(), 1000u);
}

TEST_F(CurlClientTest, a_body_that_ends_early_is_truncated) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nphoto",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nphoto",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nphoto\r\n"}) {
    RawServer server(loop_, answer(bytes));
    const auto response = get(server.url());
    ASSERT_FALSE(response) << bytes;
    EXPECT_EQ(response.error().code, ErrorCode::truncated) << response.error().message;
  }
}

TEST_F(CurlClientTest, an_encoding_that_was_not_asked_for_is_refused) {
  RawServer server(loop_, answer(ok("zipped", "Content-Encoding: gzip\r\n")));
  const auto response = get(server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::unexpected_encoding);
  RawServer plain(loop_, answer(ok("photo", "Content-Encoding: identity\r\n")));
  EXPECT_TRUE(get(plain.url()));
}

TEST_F(CurlClientTest, garbage_resets_and_silence_are_network_errors) {
  const std::pair<const char*, RawServer::Talk> kinds[] = {
      {"no answer", answer("")},
      {"not http", answer("SSH-2.0-OpenSSH_9.2\r\n")},
      {"half a head", answer("HTTP/1.1 200 OK\r\nContent-Le")},
  };
  for (const auto& [name, talk] : kinds) {
    RawServer server(loop_, talk);
    const auto response = get(server.url());
    ASSERT_FALSE(response) << name;
    EXPECT_EQ(response.error().code, ErrorCode::network) << name;
  }
  tcp::acceptor closed(loop_, {asio::ip::address_v4::loopback(), 0});
  const auto port = std::to_string(closed.local_endpoint().port());
  closed.close();
  const auto refused = get("http://127.0.0.1:" + port + "/secret?token=1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::network);
  EXPECT_NE(refused.error().message.find("127.0.0.1:" + port), std::string::npos);
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos);
  EXPECT_EQ(refused.error().message.find("token"), std::string::npos);
}

TEST_F(CurlClientTest, a_peer_that_stops_sending_times_out) {
  RawServer server(loop_, answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nph", true));
  auto wanted = options();
  wanted.stall_timeout = milliseconds(100);
  const auto client = make_curl_client(loop_, wanted);
  const auto begin = steady_clock::now();
  const auto response = get(*client, server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::network);
  EXPECT_EQ(body_, "ph");
  EXPECT_LT(steady_clock::now() - begin, seconds(5));
}

TEST_F(CurlClientTest, a_trickle_ends_at_the_total_timeout) {
  RawServer server(loop_, [this](tcp::socket& socket, const std::string&, yield_context yield) {
    error_code error;
    asio::async_write(socket, asio::buffer(std::string("HTTP/1.1 200 OK\r\n\r\n")), yield[error]);
    while (!error) {
      asio::async_write(socket, asio::buffer("x", 1), yield[error]);
      asio::steady_timer pause(loop_, milliseconds(5));
      error_code ignored;
      pause.async_wait(yield[ignored]);
    }
  });
  auto wanted = options();
  wanted.total_timeout = milliseconds(200);
  const auto client = make_curl_client(loop_, wanted);
  const auto response = get(*client, server.url());
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::network);
}

TEST_F(CurlClientTest, addresses_that_are_not_public_are_refused_however_written) {
  RawServer server(loop_, answer(ok("internal")));
  const std::string port = server.url("").substr(server.url("").rfind(':'));
  auto wanted = options();
  wanted.addresses.allow_private_addresses = false;
  const auto client = make_curl_client(loop_, wanted);
  for (const char* host : {"127.0.0.1",
                           "localhost",
                           "2130706433",
                           "0x7f000001",
                           "0x7f.1",
                           "0177.0.0.1",
                           "127.1",
                           "0",
                           "0.0.0.0",
                           "0300.0250.1",
                           "0xA9FEA9FE",
                           "[::1]",
                           "[::]",
                           "[::ffff:127.0.0.1]",
                           "[::ffff:7f00:1]",
                           "[::127.0.0.1]",
                           "169.254.169.254",
                           "10.0.0.1",
                           "100.64.0.1",
                           "224.0.0.1",
                           "240.0.0.1",
                           "168.63.129.16",
                           "[64:ff9b::7f00:1]",
                           "[64:ff9b:1::808:808]",
                           "[2002:7f00:1::]",
                           "[2001::a00:1:0:0:f7f7:f7f7]",
                           "[::808:808]",
                           "[fd00:ec2::254]",
                           "[fe80::1]",
                           "[ff02::1]"}) {
    const auto response = get(*client, "http://" + std::string(host) + port + "/");
    ASSERT_FALSE(response) << host;
    EXPECT_EQ(response.error().code, ErrorCode::blocked_address)
        << host << ": " << response.error().message;
  }
  EXPECT_EQ(server.connections, 0);
}

TEST_F(CurlClientTest, other_spellings_of_a_host_lead_nowhere_private) {
  RawServer server(loop_, answer(ok("internal")));
  const std::string port = server.url("").substr(server.url("").rfind(':'));
  auto strict = options();
  strict.addresses.allow_private_addresses = false;
  const auto client = make_curl_client(loop_, strict);
  const std::string wide_digits = "\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1";
  for (const std::string& host :
       {std::string("127.0.0.1."), std::string("localhost."), std::string("127%2E0.0.1"),
        wide_digits,
        std::string("127\xE3\x80\x82"
                    "0.0.1"),
        std::string("[::1%25lo]"), std::string(300, 'a'), std::string(5000, 'a') + ".test"}) {
    EXPECT_FALSE(get(*client, "http://" + host + port + "/")) << host;
  }
  for (const char* bad_port : {":0", ":99999", ":-1", ":80a"}) {
    EXPECT_FALSE(get(*client, "http://127.0.0.1" + std::string(bad_port) + "/")) << bad_port;
  }
  EXPECT_EQ(server.connections, 0);
}

TEST_F(CurlClientTest, a_name_that_resolves_elsewhere_the_next_time_is_judged_anew) {
  RawServer server(loop_, answer(ok("photo")));
  const std::string port = server.url("").substr(server.url("").rfind(':') + 1);
  std::string address = "127.0.0.1";
  auto wanted = options();
  wanted.addresses.allow_private_addresses = false;
  wanted.addresses.is_public = [](std::string_view seen) { return seen == "127.0.0.1"; };
  wanted.resolution = [&] { return "rebinding.test:" + port + ":" + address; };
  const auto client = make_curl_client(loop_, wanted);
  const std::string url = "http://rebinding.test:" + port + "/";
  ASSERT_TRUE(get(*client, url));
  address = "127.0.0.9";
  const auto rebound = get(*client, url);
  ASSERT_FALSE(rebound);
  EXPECT_EQ(rebound.error().code, ErrorCode::blocked_address) << rebound.error().message;
  address = "127.0.0.9,127.0.0.1";  // one of each: only the public one is used
  ASSERT_TRUE(get(*client, url));
  EXPECT_EQ(server.connections, 2);
}

TEST_F(CurlClientTest, a_connection_opened_under_one_policy_is_none_for_another) {
  RawServer server(loop_, answer(ok("photo"), true));
  const auto lax = make_curl_client(loop_, options());
  ASSERT_TRUE(get(*lax, server.url()));
  auto strict = options();
  strict.addresses.allow_private_addresses = false;
  const auto other = make_curl_client(loop_, strict);
  const auto refused = get(*other, server.url());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::blocked_address);
  EXPECT_EQ(server.connections, 1);
}

TEST_F(CurlClientTest, a_pooled_connection_is_judged_again_before_it_is_used) {
  RawServer server(loop_, answer(ok("photo"), true));
  bool is_public = true;
  auto wanted = options();
  wanted.addresses.allow_private_addresses = false;
  wanted.addresses.is_public = [&](std::string_view) { return is_public; };
  const auto client = make_curl_client(loop_, wanted);
  ASSERT_TRUE(get(*client, server.url()));
  is_public = false;
  const auto refused = get(*client, server.url());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::blocked_address);
  EXPECT_EQ(server.connections, 1);
}

TEST_F(CurlClientTest, proxies_of_the_environment_are_ignored) {
  RawServer proxy(loop_, answer(ok("by proxy")));
  RawServer server(loop_, answer(ok("directly")));
  const char* names[] = {"http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"};
  for (const char* name : names) ::setenv(name, proxy.url("").c_str(), 1);
  ::setenv("no_proxy", "", 1);
  const auto response = get(server.url());
  for (const char* name : names) ::unsetenv(name);
  ::unsetenv("no_proxy");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(body_, "directly");
  EXPECT_EQ(proxy.connections, 0);
}

TEST_F(CurlClientTest, schemes_and_user_information_are_checked) {
  auto strict = options();
  strict.addresses.allow_plain_http = false;
  const auto client = make_curl_client(loop_, strict);
  for (const char* url :
       {"http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/",
        "https://user@example.com/", "https://user:password@example.com/"}) {
    const auto response = get(*client, url);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, ErrorCode::blocked_address) << url;
  }
  for (const char* url : {"", "/relative", "https://", "example.com/x", "https://exa mple/"}) {
    const auto response = get(*client, url);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().code, ErrorCode::invalid_argument) << url;
  }
}

TEST_F(CurlClientTest, a_header_value_cannot_add_another_header) {
  RawServer server(loop_, answer(ok("")));
  const auto client = make_curl_client(loop_, options());
  const auto response = get(*client, server.url(), 10, {{"X-Key", "a\r\nHost: evil"}});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(server.connections, 0);
}

TEST_F(CurlClientTest, a_connection_is_reused) {
  RawServer server(loop_, answer(ok("photo"), true));
  const auto client = make_curl_client(loop_, options());
  for (int i = 0; i < 5; ++i) {
    const auto response = get(*client, server.url());
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(body_, "photo");
  }
  EXPECT_EQ(server.connections, 1);
}

TEST_F(CurlClientTest, a_pooled_connection_that_the_peer_closed_is_replaced) {
  RawServer server(loop_, answer(ok("photo")));
  const auto client = make_curl_client(loop_, options());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(get(*client, server.url()));
  EXPECT_EQ(server.connections, 5);
}

TEST_F(CurlClientTest, the_error_of_a_sink_is_the_result) {
  RawServer server(loop_, answer(ok("photo"), true));
  const auto client = make_curl_client(loop_, options());
  test::run(loop_, [&](yield_context yield) {
    const HeadersSink refuse_head = [](const HttpResponse& head) -> Result<void> {
      EXPECT_EQ(head.content_length, 5);
      return fail(ErrorCode::size_mismatch, "head");
    };
    const BodySink refuse_body = [](ByteView) -> Result<void> {
      return fail(ErrorCode::storage, "body");
    };
    const BodySink explode = [](ByteView) -> Result<void> { throw std::runtime_error("sink"); };
    const HttpRequest request{server.url(), {}, 1000};
    EXPECT_EQ(client->send(yield, request, refuse_head, refuse_body).error().code,
              ErrorCode::size_mismatch);
    EXPECT_EQ(client->send(yield, request, {}, refuse_body).error().code, ErrorCode::storage);
    EXPECT_EQ(client->send(yield, request, {}, explode).error().code, ErrorCode::internal);
    EXPECT_TRUE(client->send(yield, request, {}, {}));
  });
}

TEST_F(CurlClientTest, cancelling_ends_all_transfers) {
  RawServer server(loop_, answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nph", true));
  auto client = make_curl_client(loop_, options());
  int cancelled = 0;
  int receiving = 0;
  test::run(loop_, [&](yield_context yield) {
    asio::steady_timer changed(loop_, steady_clock::time_point::max());
    for (int i = 0; i < 10; ++i) {
      spawn(loop_, "transfer", [&](yield_context inner) {
        const auto response =
            client->send(inner, {server.url(), {}, 1000}, {}, [&](ByteView) -> Result<void> {
              ++receiving;
              changed.cancel();
              return {};
            });
        if (!response && response.error().code == ErrorCode::cancelled) ++cancelled;
        changed.cancel();
      });
    }
    error_code ignored;
    while (receiving < 10) changed.async_wait(yield[ignored]);
    client->cancel_all();
    client.reset();
    while (cancelled < 10) changed.async_wait(yield[ignored]);
  });
  EXPECT_EQ(cancelled, 10);
}

TEST_F(CurlClientTest, many_transfers_share_few_connections) {
  const std::string photo(100000, 'p');
  RawServer server(loop_, answer(ok(photo), true));
  auto wanted = options();
  wanted.max_connections_per_host = 4;
  const auto client = make_curl_client(loop_, wanted);
  int left = 100;
  test::run(loop_, [&](yield_context yield) {
    asio::steady_timer changed(loop_, steady_clock::time_point::max());
    for (int i = left; i > 0; --i) {
      spawn(loop_, "transfer", [&](yield_context inner) {
        std::size_t size = 0;
        const auto response = client->send(inner, {server.url(), {}, photo.size()}, {},
                                           [&](ByteView chunk) -> Result<void> {
                                             size += chunk.size();
                                             return {};
                                           });
        EXPECT_TRUE(response) << response.error().message;
        EXPECT_EQ(size, photo.size());
        --left;
        changed.cancel();
      });
    }
    error_code ignored;
    while (left > 0) changed.async_wait(yield[ignored]);
  });
  EXPECT_LE(server.connections, 4);
}

}  // namespace
}  // namespace media::fetch
