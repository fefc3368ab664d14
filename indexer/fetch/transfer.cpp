#include "indexer/fetch/transfer.hpp"

#include "indexer/fetch/url.hpp"

namespace media::fetch {
namespace {

// Enough to keep the connection usable after an error page.
constexpr std::uint64_t kMaxErrorBody = 65536;
// The sink counts by itself; the client's limit is only the outer guard.
constexpr std::uint64_t kMaxMediaBody = std::uint64_t{1} << 40;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Whether the hop may be requested, and with the credential.
class Hops {
 public:
  explicit Hops(const TransferRules& rules) : rules_(rules) {}

  Result<void> enter(const std::string& url) {
    const auto parts = parse_url(url);
    if (!parts) return fail(ErrorCode::blocked_address, "not an http(s) URL");
    const std::string where = parts->host + ":" + std::to_string(parts->port);
    if (parts->scheme != "https" && !rules_.allow_plain_http) {
      return fail(ErrorCode::blocked_address, "plain http to " + where + " is not allowed");
    }
    const bool is_media_host = providers::is_media_host(*rules_.hosts, parts->host, parts->port);
    const bool is_known =
        is_media_host ||
        (!is_first_ && providers::is_redirect_host(*rules_.hosts, parts->host, parts->port));
    if (!is_known) {
      return fail(ErrorCode::blocked_address,
                  where + " is in none of the provider's host lists for a " +
                      (is_first_ ? "download" : "redirect"));
    }
    const bool is_media_path = !rules_.is_media_path || rules_.is_media_path(parts->path);
    if (is_first_ && !is_media_path) {
      return fail(ErrorCode::blocked_address,
                  "no media of the account is at that path of " + where);
    }
    // A chain that left the credential's hosts does not get it back.
    sends_credential_ = sends_credential_ && is_media_host && is_media_path;
    has_left_ = has_left_ || !is_media_host;
    is_first_ = false;
    return {};
  }

  bool sends_credential() const { return sends_credential_ && !rules_.authorization.empty(); }
  bool has_left() const { return has_left_; }

 private:
  const TransferRules& rules_;
  bool is_first_ = true;
  bool sends_credential_ = true;
  bool has_left_ = false;
};

Result<HttpResponse> request_hop(boost::asio::yield_context yield, HttpClient& client,
                                 const HttpRequest& request, const TransferRules& rules,
                                 MediaSink& sink) {
  bool is_media = false;
  std::int64_t total = -1;
  const auto on_headers = [&](const HttpResponse& head) -> Result<void> {
    is_media = head.status == 200;
    total = head.content_length;
    return is_media ? sink.begin(head.content_length) : Result<void>();
  };
  std::uint64_t error_bytes = 0;
  const auto on_body = [&](ByteView chunk) -> Result<void> {
    if (rules.is_cancelled()) return fail(ErrorCode::cancelled, "the download was cancelled");
    if (!is_media) {
      error_bytes += chunk.size();
      if (error_bytes <= kMaxErrorBody) return {};
      return fail(ErrorCode::network, "endless error page");
    }
    auto appended = sink.append(chunk);
    if (appended && rules.on_progress) rules.on_progress(sink.received(), total);
    return appended;
  };
  return client.send(yield, request, on_headers, on_body);
}

}  // namespace

Result<TransferEnd> transfer(boost::asio::yield_context yield, HttpClient& client,
                             const std::string& url, const TransferRules& rules, MediaSink& sink) {
  Hops hops(rules);
  HttpRequest request;
  request.url = url;
  request.max_body_bytes = kMaxMediaBody;
  for (int redirects = 0;; ++redirects) {
    if (auto entered = hops.enter(request.url); !entered) {
      return std::unexpected(entered.error());
    }
    request.headers = {{"Accept", "*/*"}};
    if (hops.sends_credential()) {
      request.headers.emplace_back("Authorization", rules.authorization);
    }
    const auto response = request_hop(yield, client, request, rules, sink);
    if (!response) return std::unexpected(response.error());
    if (!is_redirect(response->status)) {
      return TransferEnd{response->status, response->retry_after, hops.has_left(),
                         hops.sends_credential()};
    }
    if (redirects >= rules.max_redirects) {
      return fail(ErrorCode::network,
                  "more than " + std::to_string(rules.max_redirects) + " redirects");
    }
    if (response->location.empty()) {
      return fail(ErrorCode::network, "redirect without a Location");
    }
    request.url = response->location;
  }
}

}  // namespace media::fetch
