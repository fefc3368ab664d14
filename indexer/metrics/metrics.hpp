#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace media::metrics {

using Seconds = std::chrono::duration<double>;

/// How a webhook request was answered.
enum class WebhookOutcome {
  accepted,      ///< 2xx: durable, or known already
  handshake,     ///< 2xx to a GET that verifies the URL
  unauthorized,  ///< 401, 403: the signature or token is wrong
  unknown,       ///< 404: no such account
  limited,       ///< 429
  refused,       ///< any other 4xx
  unavailable,   ///< 503: comes again
  failed,        ///< any other 5xx: our fault
};

/// What became of a delivery that was taken.
enum class DeliveryOutcome {
  accepted,   ///< committed
  duplicate,  ///< was committed before
  spooled,    ///< durable on disk, as the database is away
  replayed,   ///< from the spool, committed
};

/// How a provider answered when asked for a fresh URL.
enum class RefreshOutcome { found, gone, refused, limited, failed };

struct CompletedDownload {
  std::uint64_t bytes = 0;
  bool is_duplicate = false;  ///< the content was stored already
  Seconds took{0};
  std::optional<std::int64_t> seconds_left;  ///< until the provider would have lost it
};

struct Snapshot;

/// What this daemon has counted since its start. Labels come from closed lists:
/// providers that are not in `providers` are counted as "other".
class Metrics {
 public:
  explicit Metrics(const std::vector<std::string>& providers);
  ~Metrics();

  void webhook(std::string_view provider, WebhookOutcome outcome, Seconds took);
  void delivery(std::string_view provider, DeliveryOutcome outcome);

  void download_started(std::string_view provider);
  void download_completed(std::string_view provider, const CompletedDownload& download);
  /// To be tried again.
  void download_retried(std::string_view provider, ErrorCode reason);
  /// Given up.
  void download_failed(std::string_view provider, ErrorCode reason);
  /// Given back untried, or taken over by another daemon.
  void download_abandoned(std::string_view provider);
  void url_refresh(std::string_view provider, RefreshOutcome outcome);
  void blob_published(Seconds took);

  /// All of it and the snapshot in the text format of Prometheus.
  std::string text(const Snapshot& now) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace media::metrics
