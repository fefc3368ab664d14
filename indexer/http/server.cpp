#include "indexer/http/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/coroutine.hpp"
#include "indexer/http/connection.hpp"
#include "indexer/http/listening_socket.hpp"
#include "indexer/log.hpp"

namespace media::http {

namespace asio = boost::asio;
using asio::generic::stream_protocol;
using boost::system::error_code;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kAcceptPause{100};  // after an error such as EMFILE

milliseconds sweep_interval(const ServerOptions& options) {
  const milliseconds shortest = std::min(options.read_timeout, options.idle_timeout);
  return std::clamp(shortest / 4, milliseconds(10), milliseconds(1000));
}

}  // namespace

struct Server::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, ServerOptions options, Handler handler)
      : loop(io),
        context{std::move(options), std::move(handler)},
        acceptor(io),
        sweep_timer(io),
        changed(io, steady_clock::time_point::max()) {}

  Result<void> start(Result<ListeningSocket> socket);
  void accept(asio::yield_context yield);
  bool make_room(asio::yield_context yield);
  void adopt(Socket socket);
  void sweep();
  void close_idle();
  void close_all();
  void stop_accepting();

  asio::io_context& loop;
  ServerContext context;
  asio::basic_socket_acceptor<stream_protocol> acceptor;
  std::optional<ListeningSocket> listening;
  bool is_tcp = false;
  asio::steady_timer sweep_timer;
  asio::steady_timer changed;  ///< cancelled when a connection ends
  std::unordered_set<Connection*> connections;
};

Result<void> Server::State::start(Result<ListeningSocket> socket) {
  if (!socket) return std::unexpected(socket.error());
  listening.emplace(std::move(*socket));
  is_tcp = listening->family() != AF_UNIX;
  acceptor.assign(stream_protocol(listening->family(), 0), listening->release_fd());
  spawn(loop, "http accept",
        [self = shared_from_this()](asio::yield_context yield) { self->accept(yield); });
  sweep();
  return {};
}

void Server::State::accept(asio::yield_context yield) {
  while (!context.is_stopping) {
    error_code error;
    if (connections.size() >= context.options.max_connections && !make_room(yield)) continue;
    Socket socket(loop);
    acceptor.async_accept(socket, yield[error]);
    if (!error) {
      adopt(std::move(socket));  // also at a stop: it is accepted
      continue;
    }
    if (context.is_stopping) return;
    log::warn("accept_failed", {{"error", error.message()}});
    asio::steady_timer pause(loop, kAcceptPause);
    pause.async_wait(yield[error]);
  }
}

/// Waits until somebody knocks, then for a connection to end: an idle one is
/// made to, others end after their request.
bool Server::State::make_room(asio::yield_context yield) {
  error_code error;
  acceptor.async_wait(asio::socket_base::wait_read, yield[error]);
  if (error || connections.size() < context.options.max_connections) return !error;
  const auto oldest = std::ranges::min_element(connections, {}, &Connection::idle_since);
  if ((*oldest)->idle_since() != Connection::TimePoint::max()) (*oldest)->close();
  context.is_crowded = true;
  while (connections.size() >= context.options.max_connections && !context.is_stopping) {
    changed.async_wait(yield[error]);
  }
  context.is_crowded = false;
  return !context.is_stopping;
}

void Server::State::adopt(Socket socket) {
  if (is_tcp) {
    const int on = 1;
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  }
  const auto connection = std::make_shared<Connection>(std::move(socket), context);
  connections.insert(connection.get());
  const std::shared_ptr<void> entry(connection.get(), [self = shared_from_this()](void* ended) {
    self->connections.erase(static_cast<Connection*>(ended));
    self->changed.cancel();
  });
  spawn(loop, "http connection",
        [connection, entry](asio::yield_context yield) { connection->serve(yield); });
}

void Server::State::sweep() {
  const auto now = steady_clock::now();
  for (Connection* connection : connections) connection->expire(now);
  sweep_timer.expires_after(sweep_interval(context.options));
  sweep_timer.async_wait([weak = weak_from_this()](const error_code& error) {
    if (const auto self = weak.lock(); self && !error) self->sweep();
  });
}

void Server::State::close_idle() {
  for (Connection* connection : connections) {
    if (connection->idle_since() != Connection::TimePoint::max()) connection->stop();
  }
}

void Server::State::close_all() {
  for (Connection* connection : connections) connection->close();
}

void Server::State::stop_accepting() {
  context.is_stopping = true;
  error_code ignored;
  acceptor.close(ignored);
  listening.reset();
  changed.cancel();
}

Server::Server(asio::io_context& loop, ServerOptions options, Handler handler)
    : state_(std::make_shared<State>(loop, std::move(options), std::move(handler))) {}

Server::~Server() {
  state_->stop_accepting();
  state_->sweep_timer.cancel();
  state_->close_all();
}

Result<void> Server::start() {
  const ServerOptions& options = state_->context.options;
  return state_->start(ListeningSocket::bind(options.listen, options.socket_mode));
}

Result<void> Server::start(UniqueFd passed) {
  return state_->start(ListeningSocket::adopt(std::move(passed), state_->context.options.listen));
}

unsigned Server::port() const { return state_->listening ? state_->listening->port() : 0; }

void Server::stop(asio::yield_context yield, milliseconds grace) {
  const auto state = state_;
  state->stop_accepting();
  state->close_idle();
  const auto deadline = steady_clock::now() + grace;
  while (!state->connections.empty() && steady_clock::now() < deadline) {
    error_code ignored;
    state->changed.expires_at(deadline);
    state->changed.async_wait(yield[ignored]);
  }
  state->sweep_timer.cancel();
  state->close_all();
}

}  // namespace media::http
