#include "indexer/http/connection.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/context/fiber.hpp>

#include "indexer/http/problem.hpp"
#include "indexer/http/response_head.hpp"
#include "indexer/log.hpp"

namespace media::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using std::chrono::steady_clock;

namespace {

using Parser = beast::http::request_parser<beast::http::string_body>;

constexpr std::size_t kHeadBuffer = 8u << 10;
/// Beast reads as much as its buffer has room for, 512 bytes at least.
constexpr std::size_t kBodyBuffer = 64u << 10;
constexpr std::chrono::seconds kLinger{2};
constexpr int kRead = 0;     // a request is there
constexpr int kClosed = -1;  // the client is gone; other results are statuses of refusals

int refusal_of(const error_code& error, bool has_timed_out) {
  namespace http = beast::http;
  if (has_timed_out) return 408;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::end_of_stream || error == http::error::partial_message) return kClosed;
  if (error.category() == http::make_error_code(http::error::bad_version).category()) return 400;
  return kClosed;
}

Request to_request(beast::http::request<beast::http::string_body>&& message) {
  Request request;
  request.method = std::string(message.method_string());
  if (request.method == "HEAD") request.method = "GET";
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(field.name_string(), field.value());
  }
  request.body = std::move(message.body());
  return request;
}

bool expects_continue(const Parser& parser) {
  return beast::iequals(parser.get()[beast::http::field::expect], "100-continue");
}

}  // namespace

struct Connection::Io {
  explicit Io(Socket connected, std::size_t limit) : socket(std::move(connected)), buffer(limit) {}

  Socket socket;
  beast::flat_buffer buffer;
  std::optional<Parser> parser;
};

Connection::Connection(Socket socket, ServerContext& server)
    : server_(server),
      io_(std::make_unique<Io>(std::move(socket),
                               server.options.max_header_bytes + 2 * kBodyBuffer)) {}

Connection::~Connection() = default;

void Connection::serve(asio::yield_context yield) {
  Next next = Next::keep_alive;
  while (next == Next::keep_alive) next = serve_one(yield);
  if (next == Next::linger) linger(yield);
  error_code ignored;
  io_->socket.close(ignored);
}

Connection::Next Connection::serve_one(asio::yield_context yield) {
  if (!wait_for_request(yield)) return Next::close;
  const int refusal = read_request(yield);
  if (refusal == kClosed) return Next::close;
  if (refusal != kRead) {
    return write(problem(refusal, ""), false, yield) ? Next::linger : Next::close;
  }
  const Response response = answer(yield);
  has_answered_ = true;
  const bool keep_alive = io_->parser->get().keep_alive() && !server_.is_stopping &&
                          !server_.is_crowded && !is_closing_;
  return write(response, keep_alive, yield) && keep_alive ? Next::keep_alive : Next::close;
}

bool Connection::wait_for_request(asio::yield_context yield) {
  if (io_->buffer.size() > 0) return true;
  if ((server_.is_stopping && has_answered_) || is_closing_) return false;
  idle_since_ = steady_clock::now();
  deadline_ = idle_since_ +
              (server_.is_stopping ? server_.options.first_request : server_.options.idle_timeout);
  error_code error;
  std::size_t count = io_->socket.async_read_some(io_->buffer.prepare(kHeadBuffer), yield[error]);
  idle_since_ = TimePoint::max();
  if (error == asio::error::operation_aborted) count = read_arrived();
  io_->buffer.commit(count);
  return count > 0;
}

/// Without waiting: who has sent a request while his connection was to end gets his answer.
std::size_t Connection::read_arrived() {
  error_code error;
  if (io_->socket.available(error) == 0 || error) return 0;
  const std::size_t count = io_->socket.read_some(io_->buffer.prepare(kHeadBuffer), error);
  return error ? 0 : count;
}

int Connection::read_request(asio::yield_context yield) {
  deadline_ = steady_clock::now() + server_.options.read_timeout;
  Parser& parser = io_->parser.emplace();
  parser.header_limit(static_cast<std::uint32_t>(server_.options.max_header_bytes));
  parser.body_limit(server_.options.max_body_bytes);
  error_code error;
  beast::http::async_read_header(io_->socket, io_->buffer, parser, yield[error]);
  if (!error && !parser.is_done()) {
    if (expects_continue(parser)) {
      constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      asio::async_write(io_->socket, asio::buffer(kContinue), yield[error]);
    }
    if (parser.content_length_remaining().value_or(kBodyBuffer) > kHeadBuffer) {
      io_->buffer.reserve(kBodyBuffer);
    }
    if (!error) beast::http::async_read(io_->socket, io_->buffer, parser, yield[error]);
  }
  return error ? refusal_of(error, has_timed_out_) : kRead;
}

Response Connection::answer(asio::yield_context yield) {
  deadline_ = TimePoint::max();
  try {
    const Request request = to_request(std::move(io_->parser->get()));
    return server_.handler(request, yield);
  } catch (const boost::context::detail::forced_unwind&) {
    throw;  // the loop is being destroyed
  } catch (const std::exception& exception) {
    log::error("handler_failed", {{"error", exception.what()}});
  } catch (...) {
    log::error("handler_failed", {{"error", "not a standard exception"}});
  }
  return problem(500, "");
}

bool Connection::write(const Response& response, bool keep_alive, asio::yield_context yield) {
  const bool is_head = io_->parser->get().method() == beast::http::verb::head;
  const bool is_http_1_0 = io_->parser->get().version() == 10;
  const std::string head = response_head(response, keep_alive, is_http_1_0);
  const std::string_view body =
      is_head || !may_have_body(response.status) ? std::string_view() : response.body;
  deadline_ = steady_clock::now() + server_.options.read_timeout;
  has_timed_out_ = false;
  error_code error;
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
  asio::async_write(io_->socket, parts, yield[error]);
  return !error;
}

/// Reads what the client still sends, so that closing does not reset the
/// connection before the refusal has been read.
void Connection::linger(asio::yield_context yield) {
  error_code error;
  io_->socket.shutdown(Socket::shutdown_send, error);
  deadline_ = steady_clock::now() + kLinger;
  io_->buffer.clear();
  while (!error && !has_timed_out_ && !is_closing_) {
    io_->socket.async_read_some(io_->buffer.prepare(kHeadBuffer), yield[error]);
  }
}

void Connection::expire(TimePoint now) {
  if (now < deadline_) return;
  has_timed_out_ = true;
  error_code ignored;
  io_->socket.cancel(ignored);
}

void Connection::stop() {
  if (has_answered_) {
    close();
  } else {
    deadline_ = std::min(deadline_, steady_clock::now() + server_.options.first_request);
  }
}

void Connection::close() {
  is_closing_ = true;
  error_code ignored;
  io_->socket.cancel(ignored);
}

}  // namespace media::http
