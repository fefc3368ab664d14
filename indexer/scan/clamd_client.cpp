#include "indexer/scan/clamd_client.hpp"

#include <optional>
#include <span>

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

void put_length(std::uint8_t* into, std::size_t length) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    *into++ = static_cast<std::uint8_t>(length >> shift);
  }
}

}  // namespace

struct ClamdClient::Connection {
  explicit Connection(asio::io_context& loop) : socket(loop), resolver(loop), deadline(loop) {}

  void close(ErrorCode code, std::string_view reason) {
    why_closed = Error{code, "clamd: " + std::string(reason)};
    error_code ignored;
    resolver.cancel();
    socket.close(ignored);
  }

  asio::generic::stream_protocol::socket socket;
  asio::ip::tcp::resolver resolver;
  asio::steady_timer deadline;
  std::optional<Error> why_closed;  ///< by us
};

/// One connection, which closes by itself when its time is over.
class ClamdClient::Conversation {
 public:
  Conversation(std::shared_ptr<Connection> connection, std::chrono::milliseconds timeout)
      : connection_(std::move(connection)) {
    connection_->deadline.expires_after(timeout);
    connection_->deadline.async_wait([weak = std::weak_ptr(connection_)](const error_code& error) {
      const auto late = weak.lock();
      if (!error && late) late->close(ErrorCode::scan_failed, "no verdict in time");
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
    std::string_view host = address.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    error_code error;
    const auto found =
        connection_->resolver.async_resolve(host, address.substr(colon + 1), yield[error]);
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
    asio::async_write(connection_->socket, asio::buffer(bytes.data(), bytes.size()), yield[error]);
    return error ? failure("send", error) : Result<void>();
  }

  /// Sends the file as length and bytes, again and again, and then a length of 0.
  Result<void> send_file(yield_context yield, asio::thread_pool& workers,
                         const storage::Upload& upload) {
    std::vector<std::uint8_t> piece(kLengthSize + kPiece);
    for (std::uint64_t offset = 0;;) {
      const auto count = run_blocking(workers, yield, [&] {
        return upload.read(offset, std::span(piece).subspan(kLengthSize));
      });
      if (!count) return std::unexpected(count.error());
      put_length(piece.data(), *count);
      auto sent = send(yield, ByteView(piece).first(kLengthSize + *count));
      if (!sent || *count == 0) return sent;
      offset += *count;
    }
  }

  /// Up to the NUL, or to the end of the connection.
  Result<std::string> answer(yield_context yield) {
    std::string text;
    error_code error;
    asio::async_read_until(connection_->socket, asio::dynamic_buffer(text, kMaxAnswer), '\0',
                           yield[error]);
    if (error && error != asio::error::eof) return failure("read its answer", error);
    return text.substr(0, text.find('\0'));
  }

 private:
  Result<void> connect_to(yield_context yield,
                          const asio::generic::stream_protocol::endpoint& endpoint) {
    error_code error;
    connection_->socket.close(error);
    if (!connection_->why_closed) connection_->socket.async_connect(endpoint, yield[error]);
    if (error || connection_->why_closed) return failure("connect", error);
    return {};
  }

  std::unexpected<Error> failure(std::string_view doing, const error_code& error) const {
    if (connection_->why_closed) return std::unexpected(*connection_->why_closed);
    return fail(ErrorCode::scan_failed, "clamd: " + std::string(doing) + ": " + error.message());
  }

  const std::shared_ptr<Connection> connection_;
};

ClamdClient::ClamdClient(asio::io_context& loop, asio::thread_pool& workers, std::string address,
                         std::chrono::milliseconds timeout)
    : loop_(loop), workers_(workers), address_(std::move(address)), timeout_(timeout) {}

ClamdClient::~ClamdClient() = default;

std::unique_ptr<ClamdClient::Conversation> ClamdClient::converse() {
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  auto connection = std::make_shared<Connection>(loop_);
  connections_.push_back(connection);
  return std::make_unique<Conversation>(std::move(connection), timeout_);
}

void ClamdClient::cancel_all() {
  for (const auto& weak : connections_) {
    if (const auto running = weak.lock()) {
      running->close(ErrorCode::cancelled, "the scan was cancelled");
    }
  }
}

Result<Malware> ClamdClient::scan(yield_context yield, const storage::Upload& upload) {
  constexpr std::string_view kCommand("zINSTREAM\0", 10);
  const auto clamd = converse();
  if (auto connected = clamd->connect(yield, address_); !connected) {
    return std::unexpected(connected.error());
  }
  auto sent = clamd->send(yield, as_bytes(kCommand));
  if (sent) sent = clamd->send_file(yield, workers_, upload);
  if (!sent && sent.error().code != ErrorCode::scan_failed) return std::unexpected(sent.error());
  // It may have answered, and hung up, before everything was sent.
  const auto answer = clamd->answer(yield);
  if (!sent && (!answer || answer->empty())) return std::unexpected(sent.error());
  if (!answer) return std::unexpected(answer.error());
  return read_clamd_answer(*answer);
}

Result<void> ClamdClient::ping(yield_context yield) {
  constexpr std::string_view kCommand("zPING\0", 6);
  const auto clamd = converse();
  if (auto connected = clamd->connect(yield, address_); !connected) return connected;
  if (auto sent = clamd->send(yield, as_bytes(kCommand)); !sent) return sent;
  const auto answer = clamd->answer(yield);
  if (!answer) return std::unexpected(answer.error());
  if (*answer == "PONG") return {};
  return fail(ErrorCode::scan_failed, "what listens at " + address_ + " is no clamd");
}

}  // namespace media::scan
