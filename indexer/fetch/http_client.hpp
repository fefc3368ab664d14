#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "core/encoding.hpp"
#include "core/error.hpp"
#include "indexer/fetch/address_policy.hpp"

namespace media::fetch {

/// Where requests may go. Checked at connect time against the address that is
/// really used, for every hop and also on reused connections.
struct AddressPolicy {
  bool allow_private_addresses = false;  ///< loopback, RFC 1918, link-local, CGNAT, ULA, ...
  bool allow_plain_http = false;
  /// Of a numeric address; replaced by tests only.
  std::function<bool(std::string_view)> is_public = [](std::string_view address) {
    return is_public_address(address);
  };
};

struct HttpClientOptions {
  AddressPolicy addresses;
  std::string user_agent = "ngx_media";
  std::string ca_file;  ///< empty: the system's trust store
  /// For tests: what a name resolves to just now, "host:port:address[,address]".
  std::function<std::string()> resolution = {};
  std::size_t max_connections = 64;
  std::size_t max_connections_per_host = 16;
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds stall_timeout{30000};  ///< without a byte
  std::chrono::milliseconds total_timeout{600000};
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// Fills `into` with a request's body from `offset` on; may block for a read from disk.
using BodySource =
    std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::uint8_t> into)>;

struct HttpRequest {
  std::string url;
  HttpHeaders headers = {};
  /// Beyond: too_large for a 2xx answer; other bodies are cut off there.
  std::uint64_t max_body_bytes = 0;
  std::string method = "GET";
  std::string body = {};   ///< of POST and PUT
  BodySource source = {};  ///< of PUT, in the place of `body`
  std::uint64_t source_size = 0;
  bool keeps_headers = false;  ///< the response has all of its headers
};

/// The answer to one request. Redirects are *not* followed here: the caller
/// decides hop by hop who may see a credential.
struct HttpResponse {
  int status = 0;
  std::string content_type;
  std::string location;     ///< absolute, resolved against the request's URL
  std::string retry_after;  ///< as sent
  std::int64_t content_length = -1;
  std::uint64_t received = 0;
  HttpHeaders headers = {};  ///< if asked for; names in lower case
};

/// Takes the body piece by piece; an error stops the transfer and is its result.
using BodySink = std::function<Result<void>(ByteView chunk)>;
/// Called once when status and headers are complete, before any body; an error
/// stops the transfer and is its result. May be empty.
using HeadersSink = std::function<Result<void>(const HttpResponse& head)>;

/// HTTP(S) client on the loop: libcurl's multi interface, connections reused.
/// The seam that tests replace.
class HttpClient {
 public:
  virtual ~HttpClient() = default;

  /// Errors: `blocked_address` (also for a scheme that is not allowed or user
  /// information in the URL), `invalid_argument` (no absolute URL), `network`,
  /// `too_large`, `truncated` (fewer bytes than announced), `cancelled`, or
  /// whatever a sink returned. Any HTTP status is a success. Messages carry the
  /// host, never path or query.
  virtual Result<HttpResponse> send(boost::asio::yield_context yield, const HttpRequest& request,
                                    const HeadersSink& on_headers, const BodySink& on_body) = 0;
  /// Aborts running transfers with `cancelled`.
  virtual void cancel_all() = 0;
};

std::unique_ptr<HttpClient> make_curl_client(boost::asio::io_context& loop,
                                             HttpClientOptions options);

}  // namespace media::fetch
