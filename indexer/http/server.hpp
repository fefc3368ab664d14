#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/http/message.hpp"
#include "indexer/unique_fd.hpp"

namespace media::http {

struct ServerOptions {
  std::string listen;                     ///< "unix:/path", "127.0.0.1:9100" or "[::1]:9100"
  unsigned socket_mode = 0660;            ///< of the unix socket
  std::size_t max_body_bytes = 4u << 20;  ///< larger: 413
  std::size_t max_header_bytes = 16u << 10;
  std::size_t max_connections = 1024;
  std::chrono::milliseconds first_request{500};   ///< for who has just come, at a stop
  std::chrono::milliseconds read_timeout{30000};  ///< for one whole request, and for one answer
  std::chrono::milliseconds idle_timeout{75000};  ///< between requests of a connection
};

/// Answers one request; runs in the connection's coroutine and may wait. HEAD
/// arrives as GET: the server leaves the body out.
using Handler = std::function<Response(const Request&, boost::asio::yield_context)>;

/// HTTP/1.1 server on the given loop. What the handler throws becomes a 500.
/// At the connection limit idle connections make room for new ones.
class Server {
 public:
  Server(boost::asio::io_context& loop, ServerOptions options, Handler handler);
  ~Server();

  /// Binds and accepts from now on. A stale unix socket is replaced, one that
  /// a live process answers on is an error.
  Result<void> start();
  /// Takes over a socket that listens already, and leaves its file alone at the end.
  Result<void> start(UniqueFd passed);

  /// The TCP port that was bound, for a `listen` with port 0; 0 for a unix socket.
  unsigned port() const;

  /// Stops accepting, lets running requests and the first one of who has just
  /// come finish, closes idle connections;
  /// returns when none is left or the grace time is over.
  void stop(boost::asio::yield_context yield, std::chrono::milliseconds grace);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace media::http
