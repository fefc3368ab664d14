#include "indexer/http/response_head.hpp"

#include "indexer/http/problem.hpp"

namespace media::http {
namespace {

void append_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    head.push_back((byte < 0x20 && byte != '\t') || byte == 0x7F ? ' ' : c);
  }
  head += "\r\n";
}

}  // namespace

bool may_have_body(int status) { return status != 204 && status != 304; }

std::string response_head(const Response& response, bool keep_alive, bool is_http_1_0) {
  std::string head;
  head.reserve(256);
  head += "HTTP/1.1 " + std::to_string(response.status) + ' ';
  head += reason_phrase(response.status);
  head += "\r\n";
  if (may_have_body(response.status)) {
    if (!response.content_type.empty()) append_header(head, "Content-Type", response.content_type);
    append_header(head, "Content-Length", std::to_string(response.body.size()));
  }
  for (const auto& [name, value] : response.headers) append_header(head, name, value);
  if (!keep_alive) {
    append_header(head, "Connection", "close");
  } else if (is_http_1_0) {
    append_header(head, "Connection", "keep-alive");
  }
  head += "\r\n";
  return head;
}

}  // namespace media::http
