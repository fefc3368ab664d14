#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/fetch/http_client.hpp"
#include "indexer/fetch/media_sink.hpp"
#include "indexer/providers/host_policy.hpp"

namespace media::fetch {

/// Rules of one chain of requests.
struct TransferRules {
  const providers::HostPolicy* hosts = nullptr;
  std::string authorization;  ///< for media hosts; empty: none
  /// Whether media can be at that path of a media host. May be empty.
  std::function<bool(std::string_view path)> is_media_path;
  bool allow_plain_http = false;
  int max_redirects = 5;
  std::function<bool()> is_cancelled;
  std::function<void(std::uint64_t received, std::int64_t total)> on_progress;
};

/// What a chain of requests ended with.
struct TransferEnd {
  int status = 0;               ///< 200: the sink has the whole body
  std::string retry_after;      ///< of any other status
  bool was_redirected = false;  ///< to a host that is none of the media hosts
  bool saw_credential = false;
};

/// GETs a URL into the sink, following redirects hop by hop: each hop's host
/// is checked before the request, and only media hosts see the credential.
/// Errors: those of the client and the sink; `blocked_address` names the host.
Result<TransferEnd> transfer(boost::asio::yield_context yield, HttpClient& client,
                             const std::string& url, const TransferRules& rules, MediaSink& sink);

}  // namespace media::fetch
