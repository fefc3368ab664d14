#include "indexer/storage/s3_client.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include <curl/curl.h>

#include "core/encoding.hpp"
#include "indexer/log.hpp"

namespace media::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kLongestText = 16u << 20;  // a listing of 1000 keys has 3 MB at most
constexpr std::uint64_t kAnyLength = std::uint64_t{1} << 62;
constexpr seconds kLongestRetryAfter{60};
constexpr std::chrono::hours kLongestTransfer{24};
constexpr std::size_t kSpareConnections = 16;  // for what has no body

constexpr std::array<std::string_view, 4> kSlowDown = {"SlowDown", "RequestLimitExceeded",
                                                       "BandwidthLimitExceeded", "TooManyRequests"};
constexpr std::array<std::string_view, 7> kPassing = {"InternalError",
                                                      "ServiceUnavailable",
                                                      "RequestTimeout",
                                                      "BadDigest",
                                                      "OperationAborted",
                                                      "PriorRequestNotComplete",
                                                      "ConditionalRequestConflict"};

std::int64_t unix_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<seconds>(now).count();
}

fetch::HttpClientOptions client_options(const S3StoreConfig& settings, const S3Habits& habits) {
  fetch::HttpClientOptions options;
  options.addresses.allow_private_addresses = true;  // the operator chose the endpoint
  options.addresses.allow_plain_http = settings.allow_plain_http;
  options.user_agent = "ngx_media/" + std::string(kVersion);
  options.ca_file = settings.ca_file;
  options.max_connections_per_host = settings.concurrency + kSpareConnections;
  options.max_connections = options.max_connections_per_host;
  options.stall_timeout = habits.stall_timeout;
  options.total_timeout = kLongestTransfer;
  return options;
}

bool asks_to_slow_down(int status, const std::string& code) {
  return status == 429 || code.starts_with("Throttling") ||
         std::ranges::find(kSlowDown, code) != kSlowDown.end();
}

bool is_passing(int status, const std::string& code) {
  return asks_to_slow_down(status, code) || status == 500 || status == 502 || status == 503 ||
         status == 504 || std::ranges::find(kPassing, code) != kPassing.end();
}

milliseconds retry_after(const S3Answer& answer) {
  const std::string text = answer.header("retry-after");
  std::int64_t wanted = 0;
  std::from_chars(text.data(), text.data() + text.size(), wanted);
  return std::clamp<seconds>(seconds(wanted), seconds(0), kLongestRetryAfter);
}

S3Endpoint endpoint_of(const S3StoreConfig& settings) {
  auto endpoint = parse_s3_endpoint(settings.endpoint, settings.bucket, settings.region,
                                    settings.is_path_style ? "path" : "virtual");
  if (!endpoint) {
    throw std::invalid_argument("[storage." + settings.name + "]: " + endpoint.error().message);
  }
  return std::move(*endpoint);
}

fetch::BodySource source_of(const S3Body& body) {
  return
      [file = body.file, start = body.offset](std::uint64_t offset, std::span<std::uint8_t> into) {
        return file->read(start + offset, into);
      };
}

}  // namespace

std::string S3Answer::header(std::string_view name) const {
  const auto found =
      std::ranges::find(headers, name, [](const auto& header) { return header.first; });
  return found == headers.end() ? std::string() : found->second;
}

S3Client::S3Client(boost::asio::io_context& loop, const S3StoreConfig& settings, S3Habits habits)
    : loop_(loop),
      store_(settings.name),
      endpoint_(endpoint_of(settings)),
      habits_(habits),
      keys_(settings),
      http_(fetch::make_curl_client(loop, client_options(settings, habits))),
      pace_(loop, settings.concurrency) {}

std::string S3Client::name_of(const S3Call& call) const {
  return "store " + store_ + ": " + call.method + (call.key.empty() ? " of the bucket" : "");
}

Error S3Client::error_of(const S3Call& call, const S3Answer& answer) const {
  const ErrorCode code = answer.status == 404 ? ErrorCode::not_found : ErrorCode::storage;
  return Error{code, answer.refusal().text()}.context(name_of(call));
}

Result<S3Answer> S3Client::succeed(boost::asio::yield_context yield, const S3Call& call) {
  auto answer = this->call(yield, call);
  if (answer && !answer->is_success()) return std::unexpected(error_of(call, *answer));
  return answer;
}

Result<S3Answer> S3Client::call(boost::asio::yield_context yield, const S3Call& call) {
  for (int tries = 1;; ++tries) {
    auto answer = send(yield, call);
    const auto wait = pause_after(call, answer, tries);
    if (wait) {
      pause(yield, *wait);
      if (!is_cancelled_) continue;
      answer = fail(ErrorCode::cancelled, "cancelled");
    }
    if (!answer && answer.error().code == ErrorCode::network) {
      answer.error().code = ErrorCode::storage;
    }
    if (!answer) return std::unexpected(std::move(answer.error()).context(name_of(call)));
    return answer;
  }
}

Result<S3Answer> S3Client::send(boost::asio::yield_context yield, const S3Call& call) {
  if (is_cancelled_) return fail(ErrorCode::cancelled, "cancelled");
  std::optional<S3Pace::Place> place;
  if (call.body) place.emplace(pace_.enter(yield));
  // Signed once it can go: its date must be of now.
  const auto request = request_of(call);
  if (!request) return std::unexpected(request.error());
  S3Answer answer;
  bool is_for_sink = false;
  const auto response = http_->send(
      yield, *request,
      [&](const fetch::HttpResponse& head) -> Result<void> {
        is_for_sink = call.sink && head.status >= 200 && head.status < 300;
        return {};
      },
      [&](ByteView piece) -> Result<void> {
        if (is_for_sink) return call.sink(piece);
        if (answer.body.size() + piece.size() > kLongestText) {
          return fail(ErrorCode::storage, "the answer has no end");
        }
        answer.body += as_text(piece);
        return {};
      });
  if (!response) return std::unexpected(response.error());
  answer.status = response->status;
  answer.headers = response->headers;
  if (call.can_fail_late && answer.status == 200 && is_s3_failure(answer.body)) {
    answer.status = 500;
  }
  return answer;
}

Result<fetch::HttpRequest> S3Client::request_of(const S3Call& call) {
  S3Request request;
  request.method = call.method;
  request.canonical_uri = canonical_uri(endpoint_, call.key);
  request.query = call.query;
  request.headers = call.headers;
  request.payload_sha256_hex =
      hex_encode(call.body ? call.body->sha256 : sha256(as_bytes(call.text)));

  fetch::HttpRequest http;
  http.url = url_of(endpoint_, request.canonical_uri);
  if (!call.query.empty()) http.url += "?" + canonical_query(call.query);
  if (call.is_anonymous) {
    http.headers = call.headers;
  } else {
    const auto credentials = keys_.current();
    if (!credentials) return std::unexpected(credentials.error());
    http.headers =
        sign_request(request, endpoint_, *credentials, signing_key_, unix_now() + clock_offset_);
  }
  http.max_body_bytes = kAnyLength;
  http.method = call.method;
  http.body = call.text;
  http.keeps_headers = true;
  if (call.body) {
    http.source = source_of(*call.body);
    http.source_size = call.body->size;
  }
  return http;
}

std::optional<milliseconds> S3Client::pause_after(const S3Call& call,
                                                  const Result<S3Answer>& answer, int tries) {
  if (is_cancelled_) return std::nullopt;
  if (!answer) {
    // What the sink has seen of a body can't be taken back: the caller begins anew.
    const bool is_lost = answer.error().code == ErrorCode::network && !call.sink;
    return is_lost && tries < habits_.tries ? std::optional(random_pause(tries)) : std::nullopt;
  }
  if (answer->is_success()) {
    if (call.body) pace_.went_well();
    return std::nullopt;
  }
  const std::string code = answer->refusal().code;
  if (answer->status == 403 && tries == 1 && corrects_clock(*answer)) return milliseconds(0);
  if (!is_passing(answer->status, code)) return std::nullopt;
  if (answer->status == 503 || asks_to_slow_down(answer->status, code)) pace_.slow_down();
  if (tries >= habits_.tries) return std::nullopt;
  log::info("s3_request_repeated", {{"store", store_},
                                    {"method", call.method},
                                    {"answer", answer->refusal().text()},
                                    {"tries", std::int64_t{tries}}});
  return std::max(random_pause(tries), retry_after(*answer));
}

/// HEAD answers have no body: a 403 with a time that is far from ours says enough.
bool S3Client::corrects_clock(const S3Answer& answer) {
  constexpr std::int64_t kTolerated = 300;
  const auto server_time =
      static_cast<std::int64_t>(::curl_getdate(answer.header("date").c_str(), nullptr));
  if (server_time <= 0) return false;
  const std::int64_t offset = server_time - unix_now();
  if (std::abs(offset - clock_offset_) < kTolerated) return false;
  clock_offset_ = offset;
  log::warn("s3_clock_differs", {{"store", store_}, {"seconds", offset}});
  return true;
}

milliseconds S3Client::random_pause(int tries) {
  const auto longest =
      std::min(habits_.longest_pause, habits_.first_pause * (1 << std::min(tries - 1, 16)));
  return milliseconds(std::uniform_int_distribution<std::int64_t>(0, longest.count())(random_));
}

void S3Client::pause(boost::asio::yield_context yield, milliseconds time) {
  boost::asio::steady_timer timer(loop_, time);
  pauses_.insert(&timer);
  boost::system::error_code ignored;
  timer.async_wait(yield[ignored]);
  pauses_.erase(&timer);
}

void S3Client::cancel_all() {
  is_cancelled_ = true;
  for (boost::asio::steady_timer* timer : pauses_) timer->cancel();
  http_->cancel_all();
}

}  // namespace media::storage
