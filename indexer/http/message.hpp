#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace media::http {

/// One received request, body already read (within the server's limit).
struct Request {
  std::string method;  ///< upper case, as sent
  std::string target;  ///< path and query, byte for byte as received
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;

  /// Path of the target, still percent-encoded.
  std::string_view path() const;
  /// Query of the target without the '?', still percent-encoded.
  std::string_view query() const;
  /// Decoded value of the first query parameter of that name ('+' is a space).
  std::string query_value(std::string_view name) const;
  /// Value of the header, trimmed; empty when absent *or sent more than once*:
  /// an ambiguous header is never trusted.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace media::http
