#include "indexer/http/problem.hpp"

#include <algorithm>
#include <iterator>
#include <string>

#include "indexer/json_string.hpp"
#include "indexer/log.hpp"

namespace media::http {
namespace {

struct Reason {
  int status;
  std::string_view phrase;
};

constexpr Reason kReasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {422, "Unprocessable Content"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {507, "Insufficient Storage"},
};

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return 400;
    case ErrorCode::unauthorized:
      return 401;
    case ErrorCode::not_found:
      return 404;
    case ErrorCode::conflict:
      return 409;
    case ErrorCode::expired:
    case ErrorCode::gone:
      return 410;
    case ErrorCode::too_large:
      return 413;
    case ErrorCode::type_not_allowed:
      return 415;
    case ErrorCode::empty:
    case ErrorCode::truncated:
    case ErrorCode::size_mismatch:
    case ErrorCode::hash_mismatch:
    case ErrorCode::unexpected_html:
    case ErrorCode::unexpected_answer:
    case ErrorCode::unexpected_encoding:
    case ErrorCode::type_mismatch:
    case ErrorCode::active_content:
    case ErrorCode::executable:
    case ErrorCode::malware:
    case ErrorCode::unscanned:
      return 422;
    case ErrorCode::rate_limited:
      return 429;
    case ErrorCode::network:
    case ErrorCode::blocked_address:
      return 502;
    case ErrorCode::unavailable:
    case ErrorCode::scan_failed:
    case ErrorCode::cancelled:
      return 503;
    case ErrorCode::storage:
    case ErrorCode::internal:
      return 500;
  }
  return 500;
}

}  // namespace

std::string_view reason_phrase(int status) {
  const auto* reason = std::ranges::find(kReasons, status, &Reason::status);
  return reason == std::end(kReasons) ? "Unknown" : reason->phrase;
}

Response problem(int status, std::string_view detail) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = R"({"type":"about:blank","title":)";
  append_json_string(response.body, reason_phrase(status));
  response.body += ",\"status\":" + std::to_string(status);
  if (!detail.empty()) {
    response.body += ",\"detail\":";
    append_json_string(response.body, detail);
  }
  response.body += '}';
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Response problem(const Error& error) {
  const int status = status_of(error.code);
  if (status < 500) return problem(status, error.message);
  log::write(status == 500 ? log::Level::error : log::Level::warn, "request_failed",
             {{"code", std::string(name_of(error.code))}, {"error", error.message}});
  Response response = problem(status, status == 503 ? "try again later" : "");
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace media::http
