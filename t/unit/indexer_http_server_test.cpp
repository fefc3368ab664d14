#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "indexer/http/server.hpp"
#include "indexer/http/socket_activation.hpp"
#include "t/unit/indexer_fixture.hpp"

namespace media::http {
namespace {

namespace asio = boost::asio;
using asio::yield_context;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A client that sends and expects bytes.
class RawClient {
 public:
  RawClient(asio::io_context& loop, const std::string& path, yield_context yield)
      : socket_(loop), yield_(yield) {
    socket_.async_connect(asio::local::stream_protocol::endpoint(path), yield);
  }

  void send(const std::string& bytes) {
    error_code ignored;  // the server may have closed already
    asio::async_write(socket_, asio::buffer(bytes), yield_[ignored]);
  }
  /// The next response with its body, by Content-Length; empty at the end.
  std::string receive(bool has_body = true) {
    error_code error;
    const std::size_t head =
        asio::async_read_until(socket_, asio::dynamic_buffer(input_), "\r\n\r\n", yield_[error]);
    if (error) return {};
    const std::size_t at = input_.find("Content-Length: ");
    const std::size_t length = has_body && at < head ? std::stoul(input_.substr(at + 16)) : 0;
    if (input_.size() < head + length) {
      asio::async_read(socket_, asio::dynamic_buffer(input_),
                       asio::transfer_at_least(head + length - input_.size()), yield_[error]);
    }
    std::string response = input_.substr(0, head + length);
    input_.erase(0, head + length);
    return response;
  }
  /// True when the server ends the connection without sending more.
  bool is_at_end() {
    error_code error;
    char byte = 0;
    asio::async_read(socket_, asio::buffer(&byte, 1), yield_[error]);
    return input_.empty() && (error == asio::error::eof || error == asio::error::connection_reset);
  }
  void close() { socket_.close(); }

 private:
  asio::local::stream_protocol::socket socket_;
  yield_context yield_;
  std::string input_;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    options_.listen = "unix:" + path_;
    options_.max_body_bytes = 1000;
  }

  /// What the handler makes of a request, to be compared as a whole.
  static Response echo(const Request& request, yield_context) {
    if (request.path() == "/throw") throw std::runtime_error("handler\nfailed");
    if (request.path() == "/throw-odd") throw 42;
    Response response;
    response.content_type = "text/plain";
    response.body = request.method + " " + request.target + " " + request.body;
    if (request.path() == "/empty") response = Response{204, "", "", {}};
    return response;
  }

  Server make(Handler handler = &HttpServerTest::echo) {
    return Server(loop_, options_, std::move(handler));
  }
  RawClient connect(yield_context yield) { return RawClient(loop_, path_, yield); }

  test::TemporaryDirectory directory_;
  const std::string path_ = directory_ / "http.sock";
  ServerOptions options_;
  asio::io_context loop_;
};

#define EXPECT_CONTAINS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST_F(HttpServerTest, requests_of_a_connection_are_answered_one_after_the_other) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    client.send("GET /a?b=%20c HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string first = client.receive();
    EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK\r\n")) << first;
    EXPECT_TRUE(first.ends_with("\r\n\r\nGET /a?b=%20c ")) << first;
    EXPECT_EQ(first.find("Connection:"), std::string::npos) << first;
    client.send(
        "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
        "PUT /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nbod\r\n1\r\ny\r\n0\r\n\r\n");
    EXPECT_TRUE(client.receive().ends_with("\r\n\r\nPOST /p body"));
    EXPECT_TRUE(client.receive().ends_with("\r\n\r\nPUT /q body"));
  });
}

TEST_F(HttpServerTest, bytes_that_come_one_by_one_make_a_request_too) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    for (const char c : std::string("POST /slow HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")) {
      client.send(std::string(1, c));
      loop_.poll();
    }
    EXPECT_TRUE(client.receive().ends_with("POST /slow abc"));
  });
}

TEST_F(HttpServerTest, head_is_get_without_the_body_and_204_has_none) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    client.send("HEAD /a HTTP/1.1\r\n\r\n");
    EXPECT_CONTAINS(client.receive(false), "Content-Length: 7\r\n");
    client.send("GET /empty HTTP/1.1\r\n\r\n");
    const std::string empty = client.receive();
    EXPECT_TRUE(empty.starts_with("HTTP/1.1 204 No Content\r\n")) << empty;
    EXPECT_EQ(empty.find("Content-Length"), std::string::npos) << empty;
    client.send("GET /b HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(client.receive().ends_with("\r\n\r\nGET /b "));
  });
}

TEST_F(HttpServerTest, the_connection_closes_when_the_client_wants_it) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    EXPECT_CONTAINS(client.receive(), "Connection: close\r\n");
    EXPECT_TRUE(client.is_at_end());
    RawClient old = connect(yield);
    old.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_CONTAINS(old.receive(), "Connection: close\r\n");
    EXPECT_TRUE(old.is_at_end());
    RawClient kept = connect(yield);
    kept.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_CONTAINS(kept.receive(), "Connection: keep-alive\r\n");
  });
}

TEST_F(HttpServerTest, too_large_bodies_are_refused_announced_or_not) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient announced = connect(yield);
    announced.send("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + std::string(1001, 'x'));
    const std::string refused = announced.receive();
    EXPECT_TRUE(refused.starts_with("HTTP/1.1 413 ")) << refused;
    EXPECT_CONTAINS(refused, "Content-Type: application/problem+json\r\n");
    EXPECT_CONTAINS(refused, "Connection: close\r\n");
    EXPECT_TRUE(announced.is_at_end());

    RawClient chunked = connect(yield);
    chunked.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) chunked.send("64\r\n" + std::string(100, 'x') + "\r\n");
    EXPECT_TRUE(chunked.receive().starts_with("HTTP/1.1 413 "));

    RawClient fits = connect(yield);
    fits.send("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x'));
    EXPECT_TRUE(fits.receive().starts_with("HTTP/1.1 200 "));
  });
}

TEST_F(HttpServerTest, a_client_that_waits_for_100_continue_gets_it) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    client.send("POST /x HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.receive(), "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("body");
    EXPECT_TRUE(client.receive().ends_with("POST /x body"));
  });
}

TEST_F(HttpServerTest, malformed_requests_are_400_and_end_the_connection) {
  Server server = make();
  ASSERT_TRUE(server.start());
  for (const char* bytes :
       {"garbage\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET /\r\n\r\n", "GET  HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", "GET / HTTP/1.1\r\n: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        "POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    test::run(loop_, [&](yield_context yield) {
      RawClient client = connect(yield);
      client.send(bytes);
      const std::string response = client.receive();
      EXPECT_TRUE(response.starts_with("HTTP/1.1 400 ")) << bytes << response;
      EXPECT_TRUE(client.is_at_end()) << bytes;
    });
  }
}

TEST_F(HttpServerTest, headers_over_the_limit_are_431) {
  options_.max_header_bytes = 2000;
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    for (const std::size_t size : {std::size_t{2000}, std::size_t{1} << 20}) {
      RawClient client = connect(yield);
      client.send("GET / HTTP/1.1\r\nX-Long: " + std::string(size, 'x') + "\r\n\r\n");
      EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 431 "));
    }
  });
}

TEST_F(HttpServerTest, what_a_handler_throws_is_a_logged_500) {
  Server server = make();
  ASSERT_TRUE(server.start());
  testing::internal::CaptureStderr();
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    for (const char* path : {"/throw", "/throw-odd"}) {
      client.send("GET " + std::string(path) + " HTTP/1.1\r\n\r\n");
      const std::string response = client.receive();
      EXPECT_TRUE(response.starts_with("HTTP/1.1 500 ")) << response;
      EXPECT_CONTAINS(response, "application/problem+json");
      EXPECT_EQ(response.find("handler"), std::string::npos) << response;
    }
    client.send("GET /next HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 200 "));
  });
  EXPECT_CONTAINS(testing::internal::GetCapturedStderr(), "handler\\nfailed");
}

TEST_F(HttpServerTest, slow_requests_time_out_and_idle_connections_are_closed) {
  options_.read_timeout = milliseconds(60);
  options_.idle_timeout = milliseconds(60);
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient idle = connect(yield);
    RawClient slow = connect(yield);
    slow.send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    EXPECT_TRUE(slow.receive().starts_with("HTTP/1.1 408 "));
    EXPECT_TRUE(idle.is_at_end());
  });
}

TEST_F(HttpServerTest, a_client_that_goes_away_harms_nobody) {
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    for (const char* bytes : {"", "GET / HT", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
                              "GET / HTTP/1.1\r\n\r\n"}) {
      RawClient client = connect(yield);
      client.send(bytes);
      client.close();
    }
    RawClient client = connect(yield);
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 200 "));
  });
}

TEST_F(HttpServerTest, at_the_limit_an_idle_connection_makes_room) {
  options_.max_connections = 2;
  Server server = make();
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient oldest = connect(yield);
    oldest.send("GET /1 HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(oldest.receive().ends_with("GET /1 "));
    RawClient second = connect(yield);
    second.send("GET /2 HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(second.receive().ends_with("GET /2 "));
    RawClient third = connect(yield);
    third.send("GET /3 HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(third.receive().ends_with("GET /3 "));
    EXPECT_TRUE(oldest.is_at_end());
    second.send("GET /4 HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(second.receive().ends_with("GET /4 "));
  });
}

TEST_F(HttpServerTest, at_the_limit_of_busy_connections_newcomers_wait_their_turn) {
  options_.max_connections = 2;
  Server server = make([this](const Request& request, yield_context yield) {
    asio::steady_timer(loop_, milliseconds(10)).async_wait(yield);
    return echo(request, yield);
  });
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    int left = 20;
    asio::steady_timer changed(loop_, steady_clock::time_point::max());
    for (int i = left; i > 0; --i) {
      spawn(loop_, "client", [&](yield_context inner) {
        RawClient client = connect(inner);
        client.send("GET / HTTP/1.1\r\n\r\n");
        EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 200 "));
        --left;
        changed.cancel();
      });
    }
    error_code ignored;
    while (left > 0) changed.async_wait(yield[ignored]);
  });
}

TEST_F(HttpServerTest, stopping_lets_running_requests_finish_and_closes_idle_ones) {
  asio::steady_timer gate(loop_, steady_clock::time_point::max());
  bool is_running = false;
  Server server = make([&](const Request& request, yield_context yield) {
    is_running = true;
    error_code ignored;
    gate.async_wait(yield[ignored]);
    return echo(request, yield);
  });
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient idle = connect(yield);
    RawClient busy = connect(yield);
    busy.send("GET /busy HTTP/1.1\r\n\r\n");
    while (!is_running) asio::post(loop_, yield);
    bool has_stopped = false;
    spawn(loop_, "stop", [&](yield_context inner) {
      server.stop(inner, seconds(10));
      has_stopped = true;
    });
    EXPECT_TRUE(idle.is_at_end());
    EXPECT_FALSE(has_stopped);
    EXPECT_THROW(connect(yield), boost::system::system_error);
    gate.cancel();
    const std::string response = busy.receive();
    EXPECT_TRUE(response.ends_with("GET /busy ")) << response;
    EXPECT_CONTAINS(response, "Connection: close\r\n");
    const auto deadline = steady_clock::now() + seconds(5);
    while (!has_stopped && steady_clock::now() < deadline) asio::post(loop_, yield);
    EXPECT_TRUE(has_stopped);
  });
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(HttpServerTest, who_has_just_come_is_answered_at_a_stop) {
  Server server = make(echo);
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient known = connect(yield);
    known.send("GET /known HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(known.receive().ends_with("GET /known "));
    RawClient early = connect(yield);
    RawClient late = connect(yield);
    early.send("GET /early HTTP/1.1\r\n\r\n");
    asio::post(loop_, yield);
    bool has_stopped = false;
    spawn(loop_, "stop", [&](yield_context inner) {
      server.stop(inner, seconds(10));
      has_stopped = true;
    });
    EXPECT_TRUE(known.is_at_end());
    EXPECT_FALSE(has_stopped);
    late.send("GET /late HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(early.receive().ends_with("GET /early "));
    EXPECT_TRUE(late.receive().ends_with("GET /late "));
    const auto deadline = steady_clock::now() + seconds(5);
    while (!has_stopped && steady_clock::now() < deadline) asio::post(loop_, yield);
    EXPECT_TRUE(has_stopped);
  });
}

TEST_F(HttpServerTest, a_passed_socket_is_served_and_its_file_stays) {
  asio::local::stream_protocol::acceptor made(loop_, asio::local::stream_protocol::endpoint(path_));
  for (int round = 0; round < 2; ++round) {
    Server server = make(echo);
    ASSERT_TRUE(server.start(UniqueFd(::dup(made.native_handle()))));
    test::run(loop_, [&](yield_context yield) {
      RawClient client = connect(yield);
      client.send("GET /one HTTP/1.1\r\n\r\n");
      EXPECT_TRUE(client.receive().ends_with("GET /one "));
      server.stop(yield, seconds(1));
      EXPECT_TRUE(client.is_at_end());
      EXPECT_NO_THROW(connect(yield));  // waits for the next one
    });
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(HttpServerTest, a_passed_socket_of_another_kind_is_refused) {
  const auto refusal_of = [&](int fd) {
    Server server = make(echo);
    const auto started = server.start(UniqueFd(fd));
    return started ? std::string("none") : started.error().message;
  };
  asio::ip::tcp::acceptor tcp(loop_, {asio::ip::address_v4::loopback(), 0});
  EXPECT_CONTAINS(refusal_of(::dup(tcp.native_handle())),
                  "no unix socket, but [server] listen is \"unix:");
  EXPECT_CONTAINS(refusal_of(::socket(AF_UNIX, SOCK_STREAM, 0)), "no listening stream socket");
  EXPECT_CONTAINS(refusal_of(::socket(AF_UNIX, SOCK_DGRAM, 0)), "no listening stream socket");
  EXPECT_CONTAINS(refusal_of(::open("/dev/null", O_RDONLY)), "no listening stream socket");
}

TEST_F(HttpServerTest, only_one_socket_is_taken_and_only_by_whom_it_is_for) {
  const auto take = [](const std::string& pid, const char* count) {
    ::setenv("LISTEN_PID", pid.c_str(), 1);
    ::setenv("LISTEN_FDS", count, 1);
    ::setenv("LISTEN_FDNAMES", "media", 1);
    auto taken = take_passed_socket();
    for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
      EXPECT_EQ(::getenv(name), nullptr) << name;
    }
    return taken ? std::string(*taken ? "socket" : "none") : taken.error().message;
  };
  EXPECT_EQ(take("1", "1"), "none");
  const std::string own = std::to_string(::getpid());
  for (const char* count : {"2", "0", "one"}) EXPECT_CONTAINS(take(own, count), "one is needed");
  EXPECT_FALSE(take_passed_socket()->has_value());
}

TEST_F(HttpServerTest, stopping_gives_up_after_the_grace_time) {
  asio::steady_timer gate(loop_, steady_clock::time_point::max());
  bool is_running = false;
  Server server = make([&](const Request& request, yield_context yield) {
    is_running = true;
    error_code ignored;
    gate.async_wait(yield[ignored]);
    return echo(request, yield);
  });
  ASSERT_TRUE(server.start());
  test::run(loop_, [&](yield_context yield) {
    RawClient busy = connect(yield);
    busy.send("GET /busy HTTP/1.1\r\n\r\n");
    while (!is_running) asio::post(loop_, yield);
    const auto begin = steady_clock::now();
    server.stop(yield, milliseconds(50));
    EXPECT_GE(steady_clock::now() - begin, milliseconds(50));
    EXPECT_LT(steady_clock::now() - begin, seconds(5));
  });
}

TEST_F(HttpServerTest, a_stale_socket_is_replaced_a_live_one_is_not) {
  struct stat status {};
  {
    asio::local::stream_protocol::acceptor abandoned(loop_,
                                                     asio::local::stream_protocol::endpoint(path_));
  }
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  options_.socket_mode = 0600;
  Server server = make();
  ASSERT_TRUE(server.start());
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);

  Server rival = make();
  const auto refused = rival.start();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  test::run(loop_, [&](yield_context yield) {
    RawClient client = connect(yield);
    client.send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_TRUE(client.receive().starts_with("HTTP/1.1 200 "));
  });
}

TEST_F(HttpServerTest, a_stale_socket_is_never_gone_while_it_is_replaced) {
  std::atomic<bool> is_done = false;
  std::atomic<int> phase = 0;  // odd: a socket is being replaced
  std::atomic<int> gaps = 0;
  std::jthread watcher([&] {
    while (!is_done) {
      struct stat status {};
      const int before = phase;
      const bool is_gone = ::stat(path_.c_str(), &status) != 0;
      if (before % 2 == 1 && phase == before && is_gone) ++gaps;
    }
  });
  for (int i = 0; i < 300; ++i) {
    asio::local::stream_protocol::acceptor(loop_, asio::local::stream_protocol::endpoint(path_));
    ++phase;
    Server server = make();
    EXPECT_TRUE(server.start());
    ++phase;
  }
  is_done = true;
  EXPECT_EQ(gaps, 0);
}

TEST_F(HttpServerTest, the_socket_of_a_successor_survives_our_end) {
  auto server = std::make_unique<Server>(loop_, options_, &HttpServerTest::echo);
  ASSERT_TRUE(server->start());
  std::filesystem::remove(path_);
  Server successor = make();
  ASSERT_TRUE(successor.start());
  server.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(HttpServerTest, addresses_that_cannot_be_listened_on_are_errors) {
  std::ofstream(path_) << "a file";
  EXPECT_FALSE(make().start());
  for (const char* listen :
       {"", "unix:", "localhost", ":80", "127.0.0.1:port", "unix:/no/such/dir/s", "256.0.0.1:80"}) {
    options_.listen = listen;
    EXPECT_FALSE(make().start()) << listen;
  }
  options_.listen = "unix:/" + std::string(200, 'x');
  EXPECT_FALSE(make().start());
}

TEST_F(HttpServerTest, tcp_works_too) {
  for (const char* listen : {"127.0.0.1:0", "[::1]:0"}) {
    options_.listen = listen;
    Server server = make();
    ASSERT_TRUE(server.start());
    ASSERT_NE(server.port(), 0u);
    test::run(loop_, [&](yield_context yield) {
      asio::ip::tcp::socket socket(loop_);
      const std::string host = listen[0] == '[' ? "::1" : "127.0.0.1";
      socket.async_connect(
          {asio::ip::make_address(host), static_cast<unsigned short>(server.port())}, yield);
      asio::async_write(socket, asio::buffer(std::string("GET / HTTP/1.0\r\n\r\n")), yield);
      std::string response;
      error_code error;
      asio::async_read(socket, asio::dynamic_buffer(response), yield[error]);
      EXPECT_TRUE(response.starts_with("HTTP/1.1 200 ")) << response;
    });
  }
}

}  // namespace
}  // namespace media::http
