#include "indexer/scan/clamd_client.hpp"

#include <array>
#include <memory>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "indexer/coroutine.hpp"

namespace media::scan {

namespace asio = boost::asio;
using asio::yield_context;
using boost::system::error_code;

namespace {

constexpr std::size_t kPiece = 128u << 10;
constexpr std::size_t kMaxAnswer = 4096;
constexpr std::size_t kLengthSize = 4;

std::unexpected<Error> scan_failure(std::string_view doing, const error_code& error) {
  return fail(ErrorCode::scan_failed, "clamd: " + std::string(doing) + ": " + error.message());
}

void put_length(std::uint8_t* into, std::size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    *into++ = static_cast<std::uint8_t>(length >> shift);
  }
}

/// One connection, which closes by itself when its time is over.
class Conversation {
 public:
  Conversation(asio::io_context& loop, std::chrono::milliseconds timeout)
      : state_(std::make_shared<State>(loop)) {
    state_->deadline.expires_after(timeout);
    state_->deadline.async_wait([weak = std::weak_ptr(state_)](const error_code& error) {
      const auto state = weak.lock();
      if (error || !state) return;
      state->is_late = true;
      error_code ignored;
      state->resolver.cancel();
      state->socket.close(ignored);
    });
  }

  Result<void> connect(yield_context yield, std::string_view address) {
    constexpr std::string_view kUnix = "unix:";
    if (address.starts_with(kUnix)) {
      return connect_to(
          yield, asio::local::stream_protocol::endpoint(std::string(address.substr(kUnix.size()))));
    }
    address.remove_prefix(std::string_view("tcp:").size());
    const auto colon = address.rfind(':');
    error_code error;
    const auto found = state_->resolver.async_resolve(address.substr(0, colon),
                                                      address.substr(colon + 1), yield[error]);
    if (error) return failure("resolve its host", error);
    Result<void> connected = fail(ErrorCode::scan_failed, "clamd: its host has no address");
    for (const auto& entry : found) {
      connected = connect_to(yield, entry.endpoint());
      if (connected) break;
    }
    return connected;
  }

  Result<void> send(yield_context yield, ByteView bytes) {
    error_code error;
    asio::async_write(state_->socket, asio::buffer(bytes.data(), bytes.size()), yield[error]);
    return error ? failure("send", error) : Result<void>();
  }

  Result<std::string> answer(yield_context yield) {
    std::string text;
    error_code error;
    asio::async_read_until(state_->socket, asio::dynamic_buffer(text, kMaxAnswer), '\0',
                           yield[error]);
    if (error && error != asio::error::eof) {
      return std::unexpected(failure("read its answer", error).error());
    }
    return text.substr(0, text.find('\0'));
  }

 private:
  struct State {
    explicit State(asio::io_context& loop) : socket(loop), resolver(loop), deadline(loop) {}
    asio::generic::stream_protocol::socket socket;
    asio::ip::tcp::resolver resolver;
    asio::steady_timer deadline;
    bool is_late = false;
  };

  Result<void> connect_to(yield_context yield,
                          const asio::generic::stream_protocol::endpoint& endpoint) {
    error_code error;
    state_->socket.close(error);
    if (state_->is_late) return failure("connect", error);
    state_->socket.async_connect(endpoint, yield[error]);
    return error ? failure("connect", error) : Result<void>();
  }

  Result<void> failure(std::string_view doing, const error_code& error) const {
    return state_->is_late ? scan_failure(doing, asio::error::timed_out)
                           : scan_failure(doing, error);
  }

  const std::shared_ptr<State> state_;
};

/// Sends the file as length and bytes, again and again, and then a length of 0.
Result<void> send_file(yield_context yield, Conversation& clamd, asio::thread_pool& workers,
                       const storage::Upload& upload) {
  std::vector<std::uint8_t> piece(kLengthSize + kPiece);
  for (std::uint64_t offset = 0;;) {
    const auto count = run_blocking(
        workers, yield, [&] { return upload.read(offset, std::span(piece).subspan(kLengthSize)); });
    if (!count) return std::unexpected(count.error());
    put_length(piece.data(), *count);
    if (auto sent = clamd.send(yield, ByteView(piece).first(kLengthSize + *count)); !sent) {
      return sent;
    }
    if (*count == 0) return {};
    offset += *count;
  }
}

}  // namespace

ClamdClient::ClamdClient(asio::io_context& loop, asio::thread_pool& workers, std::string address,
                         std::chrono::milliseconds timeout)
    : loop_(loop), workers_(workers), address_(std::move(address)), timeout_(timeout) {}

Result<Malware> ClamdClient::scan(yield_context yield, const storage::Upload& upload) const {
  constexpr std::string_view kCommand("zINSTREAM\0", 10);
  Conversation clamd(loop_, timeout_);
  if (auto connected = clamd.connect(yield, address_); !connected) {
    return std::unexpected(connected.error());
  }
  auto sent = clamd.send(yield, as_bytes(kCommand));
  if (sent) sent = send_file(yield, clamd, workers_, upload);
  if (!sent && sent.error().code != ErrorCode::scan_failed) return std::unexpected(sent.error());
  // Who has had enough answers and hangs up, before everything was sent.
  const auto answer = clamd.answer(yield);
  if (!sent && (!answer || answer->empty())) return std::unexpected(sent.error());
  if (!answer) return std::unexpected(answer.error());
  return read_clamd_answer(*answer);
}

Result<void> ClamdClient::ping(yield_context yield) const {
  constexpr std::string_view kCommand("zPING\0", 6);
  Conversation clamd(loop_, timeout_);
  if (auto connected = clamd.connect(yield, address_); !connected) return connected;
  if (auto sent = clamd.send(yield, as_bytes(kCommand)); !sent) return sent;
  const auto answer = clamd.answer(yield);
  if (!answer) return std::unexpected(answer.error());
  if (*answer == "PONG") return {};
  return fail(ErrorCode::scan_failed, "what listens at " + address_ + " is no clamd");
}

}  // namespace media::scan
