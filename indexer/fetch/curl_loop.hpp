#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/fetch/curl_handle.hpp"

namespace media::fetch {

/// Drives a libcurl multi handle from an Asio loop (curl_multi_socket_action).
class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
 public:
  /// Runs on the loop, outside of libcurl, with the result of a transfer.
  using Done = std::function<void(CURL* easy, CURLcode result)>;

  CurlLoop(boost::asio::io_context& loop, std::size_t max_connections,
           std::size_t max_connections_per_host, Done done);
  ~CurlLoop();
  CurlLoop(const CurlLoop&) = delete;

  /// Sets the easy handle's socket options too; false when libcurl refuses it.
  bool add(CURL* easy);
  void remove(CURL* easy);

 private:
  struct Socket;
  using SocketPtr = std::shared_ptr<Socket>;

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int on_timer(CURLM*, long timeout_ms, void* self);
  static int on_close_socket(void* self, curl_socket_t fd);

  void watch(curl_socket_t fd, int what);
  void forget(curl_socket_t fd);
  void arm(const SocketPtr& socket, int direction);
  void act(curl_socket_t fd, int event);
  void report_done();

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  Done done_;
  std::unordered_map<curl_socket_t, SocketPtr> sockets_;
  CURLM* multi_;
};

}  // namespace media::fetch
