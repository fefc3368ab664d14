#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/asio/steady_timer.hpp>

#include "indexer/fetch/curl_handle.hpp"
#include "indexer/fetch/curl_url.hpp"
#include "indexer/fetch/http_client.hpp"

namespace media::fetch {

/// One request under way: libcurl's callbacks and what they have learned.
class CurlTransfer {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  CurlTransfer(boost::asio::io_context& loop, const HttpClientOptions& options,
               const HttpRequest& request, CheckedUrl url, const HeadersSink& on_headers,
               const BodySink& on_body);
  CurlTransfer(const CurlTransfer&) = delete;

  /// Sets all options of the easy handle but those of the connection pool.
  Result<void> prepare();
  CURL* easy() const { return easy_.get(); }
  static CurlTransfer& of(CURL* easy);

  /// Returns once finish() or abort() was called.
  void wait(boost::asio::yield_context yield);
  void finish(CURLcode code);
  void abort(Error error);
  /// Aborts a transfer whose peer has been silent for too long.
  void abort_if_stalled(TimePoint now);

  Result<HttpResponse> result() const;

 private:
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static int on_request(void* self, char* remote_address, char* local_address, int remote_port,
                        int local_port);
  static std::size_t on_header_line(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body_chunk(char* data, std::size_t size, std::size_t count, void* self);

  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);

  Result<void> prepare_headers();
  void prepare_method();
  void prepare_upload();
  bool may_connect(std::string_view address) const;
  void take_header(std::string_view line);
  Result<void> take_head();
  Result<void> take_body(ByteView chunk);
  bool keep(Result<void> taken);
  bool is_success_status() const;
  Error error_of(CURLcode code) const;

  const HttpClientOptions& options_;
  const HttpRequest& request_;
  const HeadersSink& on_headers_;
  const BodySink& on_body_;
  CheckedUrl url_;
  CurlHeaders headers_;
  CurlHeaders resolution_;
  boost::asio::steady_timer finished_;
  std::uint64_t sent_ = 0;  ///< of an upload's body
  HttpResponse response_;
  std::string content_encoding_;
  std::optional<Error> failure_;
  CURLcode code_ = CURLE_OK;
  TimePoint last_activity_ = TimePoint::max();  ///< max() until the request was sent
  bool is_finished_ = false;
  bool is_head_complete_ = false;
  bool is_cut_off_ = false;
  bool has_blocked_an_address_ = false;
  bool has_tried_an_address_ = false;
  CurlEasy easy_;
};

}  // namespace media::fetch
