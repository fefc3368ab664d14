#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "indexer/fetch/failure.hpp"
#include "indexer/fetch/http_client.hpp"
#include "indexer/fetch/media_sink.hpp"
#include "indexer/fetch/progress.hpp"
#include "indexer/fetch/transfer.hpp"
#include "indexer/providers/provider.hpp"
#include "indexer/queue/job.hpp"

namespace media::fetch {

/// Reads an account's credential; `reread` goes past every cache.
using CredentialSource = std::function<Result<std::string>(
    boost::asio::yield_context, const queue::Job&, std::string_view name, bool reread)>;

/// What a retrieval works with.
struct RetrievalTools {
  HttpClient& client;
  storage::BlobStore& store;
  CredentialSource credential;
  std::function<std::int64_t()> now;  ///< Unix seconds
  ProgressBoard& progress;
  bool allow_plain_http = false;
  int max_redirects = 5;
};

/// Where the media turned out to be, to be kept for the next attempt.
struct SourceNews {
  std::optional<std::string> url;
  std::optional<std::int64_t> url_expires_at;
};

/// Gets the bytes of one media item: from its URL while that is young, else
/// from the one that the provider gives out for its id.
class Retrieval {
 public:
  Retrieval(const RetrievalTools& tools, const providers::Provider& provider, const queue::Job& job,
            const queue::JobControl& control);

  Attempt<ReceivedMedia> run(boost::asio::yield_context yield);

  /// What run() learned about the URL; nothing when the row is still right.
  const SourceNews& news() const { return news_; }
  /// Whether the provider said that the credential itself is no good.
  bool is_credential_refused() const { return is_credential_refused_; }

 private:
  /// Nothing: the URL was of no use, resolve (again).
  Attempt<std::optional<ReceivedMedia>> download(boost::asio::yield_context yield);
  Attempt<std::optional<ReceivedMedia>> judge(boost::asio::yield_context yield,
                                              const TransferEnd& end, MediaSink& sink);
  Attempt<std::optional<ReceivedMedia>> resolve_again(ErrorCode otherwise, int status);
  Attempt<std::optional<ReceivedMedia>> renew_credential(boost::asio::yield_context yield,
                                                         int status);
  Attempt<void> resolve(boost::asio::yield_context yield);
  Attempt<providers::ResolveAnswer> ask(boost::asio::yield_context yield, bool with_account);
  Attempt<void> load_credential(boost::asio::yield_context yield, bool reread);
  void adopt(const providers::ResolveAnswer& answer);
  MediaExpectation expectation() const;
  TransferRules rules() const;
  Failure failure_of(const Error& error);
  bool may_look_again(const Failure& failure);
  bool can_resolve() const;

  const RetrievalTools& tools_;
  const providers::Provider& provider_;
  const queue::Job& job_;
  const queue::JobControl& control_;
  std::string url_;
  bool is_own_url_ = false;  ///< from the webhook or row, not resolved by this run
  std::string bearer_;
  int resolutions_ = 0;
  bool is_credential_renewed_ = false;
  bool is_credential_refused_ = false;
  bool has_looked_again_ = false;
  std::optional<std::uint64_t> expected_size_;
  std::optional<Sha256Digest> expected_sha256_;
  SourceNews news_;
};

}  // namespace media::fetch
