#pragma once

#include <chrono>
#include <memory>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/http/server.hpp"

namespace media::http {

using Socket = boost::asio::generic::stream_protocol::socket;

/// What the connections of a server share.
struct ServerContext {
  ServerOptions options;
  Handler handler;
  bool is_stopping = false;
  bool is_crowded = false;  ///< someone waits for a connection to end
};

/// One client connection: reads requests and writes answers until either side
/// ends it. Deadlines are enforced from outside, by expire().
class Connection {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  Connection(Socket socket, ServerContext& server);
  ~Connection();

  /// Returns when the connection is over.
  void serve(boost::asio::yield_context yield);

  /// Since when nothing is asked; TimePoint::max() while a request is under way.
  TimePoint idle_since() const { return idle_since_; }
  /// Ends the wait whose deadline has passed.
  void expire(TimePoint now);
  /// Ends it unless a request has arrived, or the first one is still to come.
  void stop();
  /// Ends the connection as soon as possible; a running handler is not interrupted.
  void close();

 private:
  struct Io;
  enum class Next { keep_alive, close, linger };

  Next serve_one(boost::asio::yield_context yield);
  bool wait_for_request(boost::asio::yield_context yield);
  std::size_t read_arrived();
  int read_request(boost::asio::yield_context yield);
  Response answer(boost::asio::yield_context yield);
  bool write(const Response& response, bool keep_alive, boost::asio::yield_context yield);
  void linger(boost::asio::yield_context yield);

  ServerContext& server_;
  std::unique_ptr<Io> io_;
  TimePoint deadline_ = TimePoint::max();
  TimePoint idle_since_ = TimePoint::max();
  bool has_timed_out_ = false;
  bool has_answered_ = false;
  bool is_closing_ = false;
};

}  // namespace media::http
