#include "indexer/fetch/curl_transfer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace media::fetch {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr long kReceiveBuffer = 64L << 10;
constexpr long kSendBuffer = 256L << 10;

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

bool is_clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

/// Empty for a family that has none.
std::string numeric_address(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  } else if (address.sa_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  } else {
    return {};
  }
  const char* read = ::inet_ntop(address.sa_family, bytes, text.data(), text.size());
  return read == nullptr ? std::string() : std::string(read);
}

}  // namespace

CurlTransfer::CurlTransfer(boost::asio::io_context& loop, const HttpClientOptions& options,
                           const HttpRequest& request, CheckedUrl url,
                           const HeadersSink& on_headers, const BodySink& on_body)
    : options_(options),
      request_(request),
      on_headers_(on_headers),
      on_body_(on_body),
      url_(std::move(url)),
      finished_(loop, TimePoint::max()),
      easy_(curl_easy_init()) {}

Result<void> CurlTransfer::prepare_headers() {
  headers_.reset(curl_slist_append(nullptr, "Accept-Encoding: identity"));
  // No "Expect: 100-continue", for which libcurl would wait a second.
  if (request_.method == "PUT") curl_slist_append(headers_.get(), "Expect:");
  for (const auto& [name, value] : request_.headers) {
    if (!is_clean(name) || !is_clean(value)) {
      return fail(ErrorCode::invalid_argument, "a request header contains a line break");
    }
    const std::string line = name + ": " + value;
    curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return fail(ErrorCode::internal, "out of memory");
    headers_.release();
    headers_.reset(longer);
  }
  return {};
}

Result<void> CurlTransfer::prepare() {
  if (!easy_) return fail(ErrorCode::internal, "out of memory");
  if (auto prepared = prepare_headers(); !prepared) return prepared;
  CURL* easy = easy_.get();
  const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_CURLU, url_.url.get());
  set(CURLOPT_HTTPHEADER, headers_.get());
  prepare_method();
  set(CURLOPT_PROTOCOLS_STR, options_.addresses.allow_plain_http ? "http,https" : "https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");  // else the environment's proxy is what the address checks see
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (options_.resolution) {
    resolution_.reset(curl_slist_append(nullptr, options_.resolution().c_str()));
    set(CURLOPT_RESOLVE, resolution_.get());
  }
  if (!options_.ca_file.empty()) set(CURLOPT_CAINFO, options_.ca_file.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // else aborting joins a resolver thread that may hang
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options_.total_timeout.count()));
  set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  set(CURLOPT_OPENSOCKETFUNCTION, &CurlTransfer::on_open_socket);
  set(CURLOPT_OPENSOCKETDATA, this);
  set(CURLOPT_PREREQFUNCTION, &CurlTransfer::on_request);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header_line);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body_chunk);
  set(CURLOPT_WRITEDATA, this);
  return {};
}

void CurlTransfer::prepare_method() {
  CURL* easy = easy_.get();
  if (request_.method == "POST") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
  } else if (request_.method == "PUT") {
    prepare_upload();
  } else if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET") {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

/// With its length, never in chunks: object stores refuse these.
void CurlTransfer::prepare_upload() {
  CURL* easy = easy_.get();
  const std::uint64_t size = request_.source ? request_.source_size : request_.body.size();
  curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, kSendBuffer);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, &CurlTransfer::on_read);
  curl_easy_setopt(easy, CURLOPT_READDATA, this);
  curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &CurlTransfer::on_seek);
  curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
}

std::size_t CurlTransfer::on_read(char* into, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.is_finished_) return CURL_READFUNC_ABORT;
  transfer.last_activity_ = steady_clock::now();
  const HttpRequest& request = transfer.request_;
  try {
    if (!request.source) {
      const auto rest = std::string_view(request.body).substr(transfer.sent_);
      const std::size_t copied = rest.copy(into, size * count);
      transfer.sent_ += copied;
      return copied;
    }
    const std::uint64_t left = request.source_size - transfer.sent_;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left, size * count));
    const auto read =
        request.source(transfer.sent_, std::span(reinterpret_cast<std::uint8_t*>(into), wanted));
    if (!read) {
      transfer.failure_ = read.error();
      return CURL_READFUNC_ABORT;
    }
    transfer.sent_ += *read;
    return *read;
  } catch (const std::exception& exception) {
    transfer.failure_ = Error{ErrorCode::internal, exception.what()};
    return CURL_READFUNC_ABORT;
  }
}

/// A connection that was reused and found to be closed: the body goes again.
int CurlTransfer::on_seek(void* self, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  static_cast<CurlTransfer*>(self)->sent_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

CurlTransfer& CurlTransfer::of(CURL* easy) {
  CurlTransfer* transfer = nullptr;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  return *transfer;
}

void CurlTransfer::wait(boost::asio::yield_context yield) {
  boost::system::error_code ignored;
  while (!is_finished_) finished_.async_wait(yield[ignored]);
}

void CurlTransfer::finish(CURLcode code) {
  if (is_finished_) return;
  is_finished_ = true;
  code_ = code;
  finished_.cancel();
}

void CurlTransfer::abort(Error error) {
  if (is_finished_) return;
  failure_ = std::move(error);
  finish(CURLE_ABORTED_BY_CALLBACK);
}

void CurlTransfer::abort_if_stalled(TimePoint now) {
  if (last_activity_ == TimePoint::max() || now - last_activity_ < options_.stall_timeout) return;
  abort({ErrorCode::network, url_.host + " stopped sending"});
}

bool CurlTransfer::may_connect(std::string_view address) const {
  return options_.addresses.allow_private_addresses || options_.addresses.is_public(address);
}

/// Sees every address that libcurl connects to, whatever the name was.
curl_socket_t CurlTransfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (!transfer.may_connect(numeric_address(address->addr))) {
    transfer.has_blocked_an_address_ = true;
    return CURL_SOCKET_BAD;
  }
  transfer.has_tried_an_address_ = true;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// Sees reused connections as well, for which no socket is opened.
int CurlTransfer::on_request(void* self, char* remote_address, char*, int, int) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  transfer.last_activity_ = steady_clock::now();
  if (transfer.may_connect(remote_address)) return CURL_PREREQFUNC_OK;
  transfer.failure_ =
      Error{ErrorCode::blocked_address, transfer.url_.host + " has an address that is not public"};
  return CURL_PREREQFUNC_ABORT;
}

/// False stops the transfer.
bool CurlTransfer::keep(Result<void> taken) {
  if (taken) return true;
  failure_ = std::move(taken.error());
  return false;
}

std::size_t CurlTransfer::on_header_line(char* data, std::size_t size, std::size_t count,
                                         void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.is_finished_) return 0;
  transfer.last_activity_ = steady_clock::now();
  try {
    const std::string_view line(data, size * count);
    if (transfer.is_head_complete_) return line.size();  // a trailer
    if (!trim(line).empty()) {
      transfer.take_header(line);
    } else if (!transfer.keep(transfer.take_head())) {
      return 0;
    }
    return line.size();
  } catch (const std::exception& exception) {
    transfer.failure_ = Error{ErrorCode::internal, exception.what()};
    return 0;
  }
}

void CurlTransfer::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    response_ = {};
    content_encoding_.clear();
    return;
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  const std::string name = lower_case(trim(line.substr(0, colon)));
  const std::string_view value = trim(line.substr(colon + 1));
  if (request_.keeps_headers) response_.headers.emplace_back(name, value);
  if (name == "content-type") response_.content_type = value;
  if (name == "retry-after") response_.retry_after = value;
  if (name == "content-encoding") content_encoding_ = lower_case(value);
  if (name == "location") response_.location = resolve_location(url_.url.get(), std::string(value));
  if (name == "content-length") {
    std::uint64_t length = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), length);
    response_.content_length = read.ec == std::errc() ? static_cast<std::int64_t>(length) : -1;
  }
}

bool CurlTransfer::is_success_status() const {
  return response_.status >= 200 && response_.status < 300;
}

Result<void> CurlTransfer::take_head() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return {};  // an interim answer
  is_head_complete_ = true;
  response_.status = static_cast<int>(status);
  if (on_headers_) {
    if (auto taken = on_headers_(response_); !taken) return taken;
  }
  if (!is_success_status()) return {};
  if (!content_encoding_.empty() && content_encoding_ != "identity") {
    return fail(ErrorCode::unexpected_encoding,
                url_.host + " sent a content encoding that was not asked for");
  }
  const auto length =
      static_cast<std::uint64_t>(std::max<std::int64_t>(response_.content_length, 0));
  if (length <= request_.max_body_bytes) return {};
  return fail(ErrorCode::too_large, url_.host + " announces " + std::to_string(length) +
                                        " bytes, allowed are " +
                                        std::to_string(request_.max_body_bytes));
}

std::size_t CurlTransfer::on_body_chunk(char* data, std::size_t size, std::size_t count,
                                        void* self) {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.is_finished_) return CURL_WRITEFUNC_ERROR;
  transfer.last_activity_ = steady_clock::now();
  try {
    const std::string_view chunk(data, size * count);
    const bool goes_on = transfer.keep(transfer.take_body(as_bytes(chunk)));
    return goes_on && !transfer.is_cut_off_ ? chunk.size() : CURL_WRITEFUNC_ERROR;
  } catch (const std::exception& exception) {
    transfer.failure_ = Error{ErrorCode::internal, exception.what()};
    return CURL_WRITEFUNC_ERROR;
  }
}

Result<void> CurlTransfer::take_body(ByteView chunk) {
  if (response_.received + chunk.size() > request_.max_body_bytes) {
    if (!is_success_status()) {
      is_cut_off_ = true;
      return {};
    }
    return fail(ErrorCode::too_large, url_.host + " sends more than the allowed " +
                                          std::to_string(request_.max_body_bytes) + " bytes");
  }
  response_.received += chunk.size();
  return on_body_ ? on_body_(chunk) : Result<void>();
}

Error CurlTransfer::error_of(CURLcode code) const {
  if (has_blocked_an_address_ && !has_tried_an_address_) {
    return {ErrorCode::blocked_address, url_.host + " has an address that is not public"};
  }
  std::string message = url_.host + ": " + curl_easy_strerror(code);
  std::ranges::replace(message, '\n', ' ');
  switch (code) {
    case CURLE_PARTIAL_FILE:
      return {ErrorCode::truncated, message};
    case CURLE_URL_MALFORMAT:
      return {ErrorCode::invalid_argument, message};
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_WRITE_ERROR:
      return {ErrorCode::internal, message};
    default:
      return {ErrorCode::network, message};
  }
}

Result<HttpResponse> CurlTransfer::result() const {
  if (failure_) return std::unexpected(*failure_);
  if (is_cut_off_) return response_;
  if (code_ != CURLE_OK) return std::unexpected(error_of(code_));
  // libcurl takes headers that end with the connection for an answer.
  if (!is_head_complete_) return fail(ErrorCode::network, url_.host + " ended within the headers");
  return response_;
}

}  // namespace media::fetch
