#include "core/sigv4.hpp"

#include <algorithm>
#include <chrono>

#include "core/encoding.hpp"

namespace media {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kScopeEnd = "/s3/aws4_request";
constexpr std::int64_t kSecondsPerDay = 86400;
constexpr std::size_t kDaySize = 8;  // YYYYMMDD

char* write_digits(char* out, unsigned number, int digits) {
  for (int i = digits - 1; i >= 0; --i, number /= 10) out[i] = static_cast<char>('0' + number % 10);
  return out + digits;
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

/// Without white space at its ends, and with single spaces inside.
std::string canonical_value(std::string_view text) {
  std::string value;
  value.reserve(text.size());
  for (const char c : text) {
    const bool is_space = c == ' ' || c == '\t';
    if (is_space && (value.empty() || value.back() == ' ')) continue;
    value.push_back(is_space ? ' ' : c);
  }
  if (value.ends_with(' ')) value.pop_back();
  return value;
}

/// What of a request's headers is signed.
struct SignedHeaders {
  std::string lines;  ///< "name:value\n" of each
  std::string names;  ///< separated by ';'
};

SignedHeaders signed_headers(const S3Pairs& headers, std::string_view host) {
  S3Pairs canonical = {{"host", std::string(host)}};
  for (const auto& [name, value] : headers) {
    canonical.emplace_back(to_lower(name), canonical_value(value));
  }
  std::ranges::sort(canonical);
  SignedHeaders result;
  for (const auto& [name, value] : canonical) {
    result.lines.append(name).append(":").append(value).append("\n");
    result.names.append(result.names.empty() ? "" : ";").append(name);
  }
  return result;
}

/// When and where a signature is valid.
struct Scope {
  std::string date;  ///< YYYYMMDDTHHMMSSZ
  std::string text;  ///< YYYYMMDD/region/s3/aws4_request
};

Scope scope_of(std::string_view region, std::int64_t unix_time) {
  Scope scope{.date = amz_date(unix_time), .text = {}};
  scope.text.reserve(kDaySize + 1 + region.size() + kScopeEnd.size());
  scope.text.append(scope.date, 0, kDaySize).append("/").append(region).append(kScopeEnd);
  return scope;
}

std::string joined(std::initializer_list<std::string_view> lines) {
  std::size_t size = lines.size();
  for (const auto line : lines) size += line.size();
  std::string text;
  text.reserve(size);
  for (const auto line : lines) text.append(line).push_back('\n');
  text.pop_back();
  return text;
}

std::string hex_signature(std::string_view canonical_request, const Scope& scope,
                          const Sha256Digest& key) {
  const std::string digest = hex_encode(sha256(as_bytes(canonical_request)));
  const std::string to_sign = joined({kAlgorithm, scope.date, scope.text, digest});
  return hex_encode(hmac_sha256(key, as_bytes(to_sign)));
}

}  // namespace

const Sha256Digest& SigningKey::of(const S3Credentials& credentials, std::string_view region,
                                   std::int64_t unix_time) {
  const std::int64_t day = unix_time / kSecondsPerDay;
  if (day == day_ && region == region_ && credentials.secret_key == secret_) return key_;
  day_ = day;
  region_ = region;
  secret_ = credentials.secret_key;
  const std::string date = amz_date(unix_time).substr(0, kDaySize);
  key_ = hmac_sha256(as_bytes("AWS4" + secret_), as_bytes(date));
  for (const std::string_view part : {region, std::string_view("s3"), kScopeEnd.substr(4)}) {
    key_ = hmac_sha256(key_, as_bytes(part));
  }
  return key_;
}

std::string canonical_query(const S3Pairs& query) {
  S3Pairs encoded;
  encoded.reserve(query.size());
  for (const auto& [name, value] : query) {
    encoded.emplace_back(percent_encode(name), percent_encode(value));
  }
  std::ranges::sort(encoded);
  std::size_t size = 0;
  for (const auto& [name, value] : encoded) size += name.size() + value.size() + 2;
  std::string text;
  text.reserve(size);
  for (const auto& [name, value] : encoded) {
    text.append(text.empty() ? "" : "&").append(name).append("=").append(value);
  }
  return text;
}

std::string amz_date(std::int64_t unix_time) {
  using namespace std::chrono;
  const sys_seconds time{seconds(unix_time)};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  std::string text(16, 'Z');
  char* out = write_digits(text.data(), static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out = write_digits(out, static_cast<unsigned>(date.month()), 2);
  out = write_digits(out, static_cast<unsigned>(date.day()), 2);
  *out++ = 'T';
  out = write_digits(out, static_cast<unsigned>(clock.hours().count()), 2);
  out = write_digits(out, static_cast<unsigned>(clock.minutes().count()), 2);
  write_digits(out, static_cast<unsigned>(clock.seconds().count()), 2);
  return text;
}

S3Pairs sign_request(const S3Request& request, const S3Endpoint& endpoint,
                     const S3Credentials& credentials, SigningKey& signing_key,
                     std::int64_t unix_time) {
  const Scope scope = scope_of(endpoint.region, unix_time);
  S3Pairs headers = request.headers;
  headers.emplace_back("x-amz-date", scope.date);
  headers.emplace_back("x-amz-content-sha256", request.payload_sha256_hex);
  if (!credentials.session_token.empty()) {
    headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  const SignedHeaders covered = signed_headers(headers, endpoint.host);
  const std::string canonical_request =
      joined({request.method, request.canonical_uri, canonical_query(request.query), covered.lines,
              covered.names, request.payload_sha256_hex});
  const auto& key = signing_key.of(credentials, endpoint.region, unix_time);
  std::string authorization(kAlgorithm);
  authorization.append(" Credential=").append(credentials.access_key).append("/");
  authorization.append(scope.text).append(", SignedHeaders=").append(covered.names);
  authorization.append(", Signature=").append(hex_signature(canonical_request, scope, key));
  headers.emplace_back("Authorization", std::move(authorization));
  return headers;
}

std::string presign(std::string_view method, const S3Endpoint& endpoint, std::string_view key,
                    const S3Pairs& query, const S3Credentials& credentials, SigningKey& signing_key,
                    std::int64_t unix_time, std::int64_t expires_seconds, const S3Pairs& headers) {
  const Scope scope = scope_of(endpoint.region, unix_time);
  const SignedHeaders covered = signed_headers(headers, endpoint.host);
  S3Pairs all = query;
  all.reserve(all.size() + 6);
  all.emplace_back("X-Amz-Algorithm", kAlgorithm);
  all.emplace_back("X-Amz-Credential", credentials.access_key + '/' + scope.text);
  all.emplace_back("X-Amz-Date", scope.date);
  all.emplace_back("X-Amz-Expires", std::to_string(expires_seconds));
  all.emplace_back("X-Amz-SignedHeaders", covered.names);
  if (!credentials.session_token.empty()) {
    all.emplace_back("X-Amz-Security-Token", credentials.session_token);
  }
  const std::string uri = canonical_uri(endpoint, key);
  const std::string signed_query = canonical_query(all);
  const std::string canonical_request =
      joined({method, uri, signed_query, covered.lines, covered.names, kUnsignedPayload});
  const auto& derived = signing_key.of(credentials, endpoint.region, unix_time);
  return url_of(endpoint, uri)
      .append("?")
      .append(signed_query)
      .append("&X-Amz-Signature=")
      .append(hex_signature(canonical_request, scope, derived));
}

}  // namespace media
