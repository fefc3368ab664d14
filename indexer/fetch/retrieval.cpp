#include "indexer/fetch/retrieval.hpp"

#include <algorithm>

namespace media::fetch {
namespace {

using providers::ResolveAnswer;
using std::chrono::milliseconds;

constexpr int kMaxResolutions = 3;
// A URL this close to its end would expire on the way.
constexpr std::int64_t kMinUrlLife = 30;
// When Graph does not say how long a limit lasts.
constexpr milliseconds kRateLimitDelay = std::chrono::seconds(60);
constexpr std::size_t kMaxAnswerSize = 65536;

// What the provider says of the account, no job of it can change.
std::unexpected<Failure> failed_for(queue::Scope scope, ErrorCode code, std::string message,
                                    milliseconds min_delay = milliseconds(0)) {
  auto failure = failed(code, std::move(message));
  failure.error().scope = scope;
  failure.error().min_delay = min_delay;
  return failure;
}

std::string status_text(int status) { return "the media host answered " + std::to_string(status); }

bool is_passing(int status) { return status == 408 || status == 425 || status >= 500; }

}  // namespace

Result<HttpResponse> call_api(boost::asio::yield_context yield, HttpClient& client,
                              const providers::ApiRequest& api, std::string& body) {
  HttpRequest request;
  request.url = api.url;
  request.method = api.method;
  request.body = api.body;
  request.max_body_bytes = kMaxAnswerSize;
  request.headers = api.headers;
  request.headers.emplace_back("Accept", "application/json");
  if (!api.body.empty()) request.headers.emplace_back("Content-Type", "application/json");
  return client.send(yield, request, {}, [&](ByteView chunk) -> Result<void> {
    body.append(as_text(chunk));
    return {};
  });
}

Retrieval::Retrieval(const RetrievalTools& tools, const providers::Provider& provider,
                     const queue::Job& job, const queue::JobControl& control)
    : tools_(tools),
      provider_(provider),
      job_(job),
      control_(control),
      expected_size_(job.expected_size),
      expected_sha256_(job.expected_sha256) {}

providers::MediaReference Retrieval::reference() const {
  return {job_.provider_media_id, job_.url};
}

bool Retrieval::can_resolve() const {
  return !provider_.resolve_requests(reference(), *account_).empty();
}

void Retrieval::choose_url() {
  const bool is_young =
      job_.url_expires_at == 0 || job_.url_expires_at - kMinUrlLife > tools_.now();
  // Without a resolver an old URL is still the only chance.
  if (is_young || !can_resolve()) url_ = job_.url;
  is_own_url_ = !url_.empty();
}

Attempt<ReceivedMedia> Retrieval::run(boost::asio::yield_context yield) {
  auto account = tools_.account(yield, job_, false);
  if (!account) return failed(account.error());
  account_ = std::move(*account);
  choose_url();
  for (;;) {
    if (control_.is_cancelled()) return failed(ErrorCode::cancelled, "cancelled");
    if (url_.empty()) {
      if (auto resolved = resolve(yield); !resolved) return std::unexpected(resolved.error());
    }
    auto media = download(yield);
    if (media && *media) return std::move(**media);
    if (!media && !may_look_again(media.error())) return std::unexpected(media.error());
  }
}

// Whether the secrets are other ones now.
Attempt<bool> Retrieval::reread_account(boost::asio::yield_context yield) {
  is_account_reread_ = true;
  auto account = tools_.account(yield, job_, true);
  if (!account) return failed(account.error());
  const bool is_other = (*account)->secrets != account_->secrets;
  account_ = std::move(*account);
  return is_other;
}

TransferRules Retrieval::rules() const {
  TransferRules rules;
  rules.hosts = &provider_.hosts();
  rules.authorization = provider_.media_authorization(*account_);
  rules.is_media_path = [this](std::string_view path) {
    return provider_.is_media_path(path, *account_);
  };
  rules.allow_plain_http = tools_.allow_plain_http;
  rules.max_redirects = tools_.max_redirects;
  rules.is_cancelled = [this] { return control_.is_cancelled(); };
  rules.on_progress = [this](std::uint64_t received, std::int64_t total) {
    tools_.progress.set(job_.media_id, received,
                        total > 0 ? static_cast<std::uint64_t>(total) : expected_size_.value_or(0));
  };
  return rules;
}

MediaExpectation Retrieval::expectation() const {
  MediaExpectation expectation;
  expectation.max_bytes = job_.max_bytes;
  expectation.size = expected_size_;
  expectation.sha256 = expected_sha256_;
  expectation.declared_mime_type = job_.declared_mime_type;
  expectation.file_type = job_.file_type;
  expectation.allowed_mime_types = job_.allowed_mime_types;
  return expectation;
}

Attempt<std::optional<ReceivedMedia>> Retrieval::download(boost::asio::yield_context yield) {
  if (expected_size_ > job_.max_bytes) {
    return failed(ErrorCode::too_large, "the provider names " + std::to_string(*expected_size_) +
                                            " bytes, the bucket takes " +
                                            std::to_string(job_.max_bytes));
  }
  MediaSink sink(tools_.stores.staging(), expectation());
  const auto end = transfer(yield, tools_.client, url_, rules(), sink);
  if (end) return judge(yield, *end, sink);
  // A URL that came in a webhook and may not be used: ask the provider itself.
  if (end.error().code == ErrorCode::blocked_address && is_own_url_ && can_resolve()) {
    return resolve_again(end.error().code, 0);
  }
  return std::unexpected(failure_of(end.error()));
}

Attempt<std::optional<ReceivedMedia>> Retrieval::judge(boost::asio::yield_context yield,
                                                       const TransferEnd& end, MediaSink& sink) {
  if (end.status == 200) {
    auto media = sink.finish();
    if (!media) return std::unexpected(failure_of(media.error()));
    return std::optional<ReceivedMedia>(std::move(*media));
  }
  // What redirects to a signed URL makes a fresh one every time.
  if (end.was_redirected && (end.status == 400 || end.status == 403)) {
    return failed(ErrorCode::network, status_text(end.status) + " to the redirected request");
  }
  if (end.status == 401 || (end.status == 403 && end.saw_credential && !can_resolve())) {
    return renew_credential(yield, end);
  }
  if (end.status == 403) return resolve_again(ErrorCode::unauthorized, end.status);
  if (end.status == 404 || end.status == 410) return resolve_again(ErrorCode::gone, end.status);
  if (end.status == 429 || is_passing(end.status)) {
    const milliseconds asked =
        queue::parse_retry_after(end.retry_after, tools_.now()).value_or(milliseconds(0));
    if (end.status == 429) {
      const auto scope = end.saw_credential ? queue::Scope::account : queue::Scope::host;
      return failed_for(scope, ErrorCode::rate_limited, status_text(end.status), asked);
    }
    auto failure = failed(ErrorCode::network, status_text(end.status));
    failure.error().min_delay = asked;
    return failure;
  }
  if (end.status == 400) return resolve_again(ErrorCode::gone, end.status);
  if (end.status >= 400) return failed(ErrorCode::gone, status_text(end.status));
  return failed(ErrorCode::network, status_text(end.status));
}

// The provider said that this URL is no good: perhaps it has a fresh one.
Attempt<std::optional<ReceivedMedia>> Retrieval::resolve_again(ErrorCode otherwise, int status) {
  if (can_resolve() && resolutions_ < kMaxResolutions) {
    news_.url_expires_at = tools_.now();
    url_.clear();
    is_own_url_ = false;
    return std::optional<ReceivedMedia>();
  }
  // Without a resolver a 403 is what signed URLs answer once they are over.
  const bool is_over = otherwise == ErrorCode::unauthorized && !can_resolve();
  auto failure = failed(is_over ? ErrorCode::expired : otherwise, status_text(status));
  // Storage that has just got the file may not show it everywhere yet.
  if (status == 404 && !can_resolve() && (job_.attempts <= 2 || is_settling())) {
    failure.error().remedy = Remedy::retry;
  }
  return failure;
}

bool Retrieval::is_settling() const {
  return job_.sent_at > 0 && tools_.now() - job_.sent_at < provider_.settling_time();
}

Attempt<std::optional<ReceivedMedia>> Retrieval::renew_credential(boost::asio::yield_context yield,
                                                                  const TransferEnd& end) {
  if (!is_account_reread_ && !provider_.media_authorization(*account_).empty()) {
    const auto is_other = reread_account(yield);
    if (!is_other) return std::unexpected(is_other.error());
    if (can_resolve()) return resolve_again(ErrorCode::unauthorized, end.status);
    if (*is_other) return std::optional<ReceivedMedia>();
  }
  // Where the URL is no secret, a refusal can only mean the credential.
  const bool is_credential_refused = end.saw_credential && !can_resolve();
  return failed_for(is_credential_refused ? queue::Scope::account : queue::Scope::media,
                    ErrorCode::unauthorized, status_text(end.status));
}

Failure Retrieval::failure_of(const Error& error) {
  Failure failure{error, remedy_for(error.code), {}, queue::Scope::media};
  // Wrong bytes may be the URL's fault: the next attempt starts from a fresh one.
  const bool is_suspect =
      failure.remedy == Remedy::retry_once || error.code == ErrorCode::truncated;
  if (is_suspect && can_resolve()) news_.url_expires_at = tools_.now();
  return failure;
}

// On the first attempt the queue grants the second look, after a pause.
bool Retrieval::may_look_again(const Failure& failure) {
  if (failure.remedy != Remedy::retry_once || job_.attempts <= 1 || has_looked_again_) return false;
  has_looked_again_ = true;
  if (can_resolve()) url_.clear();
  return true;
}

Attempt<ResolveAnswer> Retrieval::ask_every_way(boost::asio::yield_context yield) {
  Attempt<ResolveAnswer> answer = failed(ErrorCode::gone, "there is no URL and nobody to ask");
  for (const auto& request : provider_.resolve_requests(reference(), *account_)) {
    answer = ask(yield, request);
    if (!answer || answer->verdict != ResolveAnswer::Verdict::bad_request) break;
  }
  return answer;
}

Attempt<ResolveAnswer> Retrieval::ask_with_fresh_account(boost::asio::yield_context yield) {
  auto answer = ask_every_way(yield);
  if (answer && answer->verdict == ResolveAnswer::Verdict::refused && !is_account_reread_) {
    const auto is_other = reread_account(yield);
    if (!is_other) return std::unexpected(is_other.error());
    if (*is_other) answer = ask_every_way(yield);
  }
  return answer;
}

void Retrieval::count_refresh(const Attempt<ResolveAnswer>& answer) {
  using metrics::RefreshOutcome;
  RefreshOutcome outcome = RefreshOutcome::failed;
  if (!answer) {
    if (answer.error().error.code == ErrorCode::rate_limited) outcome = RefreshOutcome::limited;
    if (answer.error().error.code == ErrorCode::gone) outcome = RefreshOutcome::gone;
  } else if (answer->verdict == ResolveAnswer::Verdict::found) {
    outcome = RefreshOutcome::found;
  } else if (answer->verdict == ResolveAnswer::Verdict::refused) {
    outcome = RefreshOutcome::refused;
  } else if (answer->verdict != ResolveAnswer::Verdict::retry) {
    outcome = RefreshOutcome::gone;
  }
  tools_.metrics.url_refresh(job_.provider, outcome);
}

Attempt<void> Retrieval::resolve(boost::asio::yield_context yield) {
  ++resolutions_;
  const auto answer = ask_with_fresh_account(yield);
  count_refresh(answer);
  if (!answer) return std::unexpected(answer.error());
  switch (answer->verdict) {
    case ResolveAnswer::Verdict::found:
      adopt(*answer);
      return {};
    case ResolveAnswer::Verdict::refused:
      return failed_for(queue::Scope::account, ErrorCode::unauthorized, answer->message);
    case ResolveAnswer::Verdict::bad_request:
    case ResolveAnswer::Verdict::gone:
      return failed(ErrorCode::gone, answer->message);
    case ResolveAnswer::Verdict::rate_limited:
      return failed_for(queue::Scope::account, ErrorCode::rate_limited, answer->message,
                        kRateLimitDelay);
    case ResolveAnswer::Verdict::retry:
      break;
  }
  return failed(ErrorCode::network, answer->message);
}

Attempt<ResolveAnswer> Retrieval::ask(boost::asio::yield_context yield,
                                      const providers::ApiRequest& request) {
  std::string body;
  const auto response = call_api(yield, tools_.client, request, body);
  if (!response) {
    Failure failure = failure_of(response.error());
    // The operator chose this host: what is wrong with it can be put right.
    if (failure.remedy == Remedy::give_up) failure.remedy = Remedy::retry;
    return std::unexpected(std::move(failure));
  }
  auto answer = provider_.read_resolve_answer(reference(), response->status, body, tools_.now());
  const auto asked = queue::parse_retry_after(response->retry_after, tools_.now());
  if (answer.verdict == ResolveAnswer::Verdict::rate_limited) {
    return failed_for(queue::Scope::account, ErrorCode::rate_limited, answer.message,
                      asked.value_or(kRateLimitDelay));
  }
  if (answer.verdict == ResolveAnswer::Verdict::retry && asked) {
    auto failure = failed(ErrorCode::network, answer.message);
    failure.error().min_delay = *asked;
    return failure;
  }
  return answer;
}

void Retrieval::adopt(const ResolveAnswer& answer) {
  url_ = answer.url;
  is_own_url_ = false;
  news_.url = answer.url;
  news_.url_expires_at = answer.url_expires_at;
  if (answer.size) expected_size_ = static_cast<std::uint64_t>(*answer.size);
  // The webhook's digest came signed; this one is only taken where it had none.
  if (!expected_sha256_) expected_sha256_ = answer.sha256;
}

}  // namespace media::fetch
