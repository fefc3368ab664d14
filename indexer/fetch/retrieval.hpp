#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "indexer/fetch/failure.hpp"
#include "indexer/fetch/http_client.hpp"
#include "indexer/fetch/inspection.hpp"
#include "indexer/fetch/media_sink.hpp"
#include "indexer/fetch/progress.hpp"
#include "indexer/fetch/transfer.hpp"
#include "indexer/metrics/metrics.hpp"
#include "indexer/providers/provider.hpp"
#include "indexer/queue/job.hpp"
#include "indexer/storage/stores.hpp"

namespace media::fetch {

using AccountPtr = std::shared_ptr<const providers::Account>;

/// Reads a job's account; `reread` goes past every cache. Error `unauthorized`:
/// it is not active any more.
using AccountSource =
    std::function<Result<AccountPtr>(boost::asio::yield_context, const queue::Job&, bool reread)>;

/// What a retrieval works with.
struct RetrievalTools {
  HttpClient& client;
  storage::Stores& stores;
  AccountSource account;
  std::function<std::int64_t()> now;  ///< Unix seconds
  ProgressBoard& progress;
  metrics::Metrics& metrics;
  bool allow_plain_http = false;
  int max_redirects = 5;
  /// Looks for what makes received bytes suspicious. May be empty.
  Inspect inspect = {};
  /// Told after media went into quarantine. May be empty.
  std::function<void()> on_quarantined = {};
};

/// Where the media turned out to be, to be kept for the next attempt.
struct SourceNews {
  std::optional<std::string> url;
  std::optional<std::int64_t> url_expires_at;
};

/// Sends a request to a provider's API and reads its short answer.
Result<HttpResponse> call_api(boost::asio::yield_context yield, HttpClient& client,
                              const providers::ApiRequest& request, std::string& body);

/// Gets the bytes of one media item: from its URL while that is young, else
/// from the one that the provider gives out for its id.
class Retrieval {
 public:
  Retrieval(const RetrievalTools& tools, const providers::Provider& provider, const queue::Job& job,
            const queue::JobControl& control);

  Attempt<ReceivedMedia> run(boost::asio::yield_context yield);

  /// What run() learned about the URL; nothing when the row is still right.
  const SourceNews& news() const { return news_; }
  /// Null when it could not be read.
  const AccountPtr& account() const { return account_; }

 private:
  /// Nothing: the URL was of no use, resolve (again).
  Attempt<std::optional<ReceivedMedia>> download(boost::asio::yield_context yield);
  Attempt<std::optional<ReceivedMedia>> judge(boost::asio::yield_context yield,
                                              const TransferEnd& end, MediaSink& sink);
  Attempt<std::optional<ReceivedMedia>> resolve_again(ErrorCode otherwise, int status);
  Attempt<std::optional<ReceivedMedia>> renew_credential(boost::asio::yield_context yield,
                                                         const TransferEnd& end);
  Attempt<void> resolve(boost::asio::yield_context yield);
  Attempt<providers::ResolveAnswer> ask_with_fresh_account(boost::asio::yield_context yield);
  void count_refresh(const Attempt<providers::ResolveAnswer>& answer);
  Attempt<providers::ResolveAnswer> ask_every_way(boost::asio::yield_context yield);
  Attempt<providers::ResolveAnswer> ask(boost::asio::yield_context yield,
                                        const providers::ApiRequest& request);
  Attempt<bool> reread_account(boost::asio::yield_context yield);
  void choose_url();
  void adopt(const providers::ResolveAnswer& answer);
  MediaExpectation expectation() const;
  TransferRules rules() const;
  Failure failure_of(const Error& error);
  bool may_look_again(const Failure& failure);
  bool can_resolve() const;
  bool is_settling() const;
  providers::MediaReference reference() const;

  const RetrievalTools& tools_;
  const providers::Provider& provider_;
  const queue::Job& job_;
  const queue::JobControl& control_;
  std::string url_;
  bool is_own_url_ = false;  ///< from the webhook or row, not resolved by this run
  AccountPtr account_;
  int resolutions_ = 0;
  bool is_account_reread_ = false;
  bool has_looked_again_ = false;
  std::optional<std::uint64_t> expected_size_;
  std::optional<Sha256Digest> expected_sha256_;
  SourceNews news_;
};

}  // namespace media::fetch
