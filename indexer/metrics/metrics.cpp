#include "indexer/metrics/metrics.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <sstream>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "indexer/metrics/snapshot.hpp"

namespace media::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Histogram;
using Buckets = Histogram::BucketBoundaries;

constexpr std::string_view kOther = "other";

constexpr std::array<const char*, 8> kWebhookOutcomes = {"accepted",    "handshake", "unauthorized",
                                                         "unknown",     "limited",   "refused",
                                                         "unavailable", "failed"};
constexpr std::array<const char*, 4> kDeliveryOutcomes = {"accepted", "duplicate", "spooled",
                                                          "replayed"};
constexpr std::array<const char*, 5> kRefreshOutcomes = {"found", "gone", "refused", "limited",
                                                         "failed"};

const Buckets kAnswerTimes = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10};
const Buckets kDownloadTimes = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
const Buckets kSyncTimes = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5};
// From "at the last moment" to the month that some providers keep media.
const Buckets kTimesLeft = {1, 10, 60, 120, 240, 600, 3600, 21600, 86400, 259200, 604800, 2592000};

template <std::size_t size>
using Counters = std::array<Counter*, size>;

template <std::size_t size>
Counters<size> make_counters(Family<Counter>& family, const std::string& provider,
                             const std::array<const char*, size>& outcomes) {
  Counters<size> counters{};
  for (std::size_t i = 0; i < size; ++i) {
    counters[i] = &family.Add({{"provider", provider}, {"outcome", outcomes[i]}});
  }
  return counters;
}

}  // namespace

struct Metrics::Impl {
  /// Everything of one provider, there from the start: a rate needs the zero.
  struct Series {
    Counters<kWebhookOutcomes.size()> webhooks;
    Counters<kDeliveryOutcomes.size()> deliveries;
    Counters<kRefreshOutcomes.size()> refreshes;
    Histogram& webhook_time;
    Counter& started;
    Counter& completed;
    Counter& abandoned;
    Counter& expired;
    Counter& bytes;
    Histogram& download_time;
    Histogram& time_left;
  };

  explicit Impl(const std::vector<std::string>& providers) {
    for (const std::string& provider : providers) add(provider);
    add(std::string(kOther));
  }

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  void add(const std::string& provider) {
    const prometheus::Labels labels = {{"provider", provider}};
    series.emplace(
        provider,
        Series{make_counters(webhooks, provider, kWebhookOutcomes),
               make_counters(deliveries, provider, kDeliveryOutcomes),
               make_counters(refreshes, provider, kRefreshOutcomes),
               webhook_times.Add(labels, kAnswerTimes), started.Add(labels), completed.Add(labels),
               abandoned.Add(labels), expired.Add(labels), bytes.Add(labels),
               download_times.Add(labels, kDownloadTimes), times_left.Add(labels, kTimesLeft)});
  }

  /// The label that stands for a provider.
  std::string_view label_of(std::string_view provider) const {
    return series.contains(provider) ? provider : kOther;
  }
  Series& of(std::string_view provider) { return series.find(label_of(provider))->second; }

  void count_reason(Family<Counter>& family, std::string_view provider, ErrorCode reason) {
    family
        .Add({{"provider", std::string(label_of(provider))},
              {"reason", std::string(name_of(reason))}})
        .Increment();
  }

  prometheus::Registry registry;
  Family<Counter>& webhooks =
      counters("media_webhook_requests_total", "Webhook requests by how they were answered.");
  Family<Histogram>& webhook_times =
      histograms("media_webhook_duration_seconds", "Time to answer a webhook request.");
  Family<Counter>& deliveries =
      counters("media_deliveries_total", "Deliveries that were taken, by what became of them.");
  Family<Counter>& started = counters("media_downloads_started_total", "Download attempts begun.");
  Family<Counter>& completed =
      counters("media_downloads_completed_total", "Downloads that were stored and recorded.");
  Family<Counter>& failures =
      counters("media_downloads_failed_total", "Downloads that were given up.");
  Family<Counter>& retries =
      counters("media_download_retries_total", "Failed attempts that are to be repeated.");
  Family<Counter>& abandoned =
      counters("media_downloads_abandoned_total",
               "Attempts given back untried, or taken over by another daemon.");
  Family<Counter>& expired = counters(
      "media_expired_total", "Media whose time at the provider was over before it was downloaded.");
  Family<Counter>& bytes =
      counters("media_downloaded_bytes_total", "Bytes of completed downloads.");
  Family<Histogram>& download_times = histograms(
      "media_download_duration_seconds", "Time that the attempts took which completed downloads.");
  Family<Histogram>& times_left =
      histograms("media_ingest_deadline_seconds",
                 "Time that was left when media was stored, until its provider would lose it.");
  Family<Counter>& refreshes = counters("media_provider_url_refresh_total",
                                        "Questions to a provider for a fresh download URL.");
  Counter& bytes_saved =
      counters("media_dedup_bytes_saved_total", "Bytes not stored again, as the content was there.")
          .Add({});
  Histogram& sync_times =
      histograms("media_blob_fsync_seconds",
                 "Time to make a file durable, with its directories and the wait for a thread.")
          .Add({}, kSyncTimes);
  std::map<std::string, Series, std::less<>> series;
};

Metrics::Metrics(const std::vector<std::string>& providers)
    : impl_(std::make_unique<Impl>(providers)) {}

Metrics::~Metrics() = default;

void Metrics::webhook(std::string_view provider, WebhookOutcome outcome, Seconds took) {
  auto& series = impl_->of(provider);
  series.webhooks.at(static_cast<std::size_t>(outcome))->Increment();
  series.webhook_time.Observe(took.count());
}

void Metrics::delivery(std::string_view provider, DeliveryOutcome outcome) {
  impl_->of(provider).deliveries.at(static_cast<std::size_t>(outcome))->Increment();
}

void Metrics::download_started(std::string_view provider) {
  impl_->of(provider).started.Increment();
}

void Metrics::download_completed(std::string_view provider, const CompletedDownload& download) {
  auto& series = impl_->of(provider);
  series.completed.Increment();
  series.bytes.Increment(static_cast<double>(download.bytes));
  series.download_time.Observe(download.took.count());
  if (download.seconds_left) {
    series.time_left.Observe(
        static_cast<double>(std::max<std::int64_t>(0, *download.seconds_left)));
  }
  if (download.is_duplicate) impl_->bytes_saved.Increment(static_cast<double>(download.bytes));
}

void Metrics::download_retried(std::string_view provider, ErrorCode reason) {
  impl_->count_reason(impl_->retries, provider, reason);
}

void Metrics::download_failed(std::string_view provider, ErrorCode reason) {
  impl_->count_reason(impl_->failures, provider, reason);
  if (reason == ErrorCode::expired) impl_->of(provider).expired.Increment();
}

void Metrics::download_abandoned(std::string_view provider) {
  impl_->of(provider).abandoned.Increment();
}

void Metrics::url_refresh(std::string_view provider, RefreshOutcome outcome) {
  impl_->of(provider).refreshes.at(static_cast<std::size_t>(outcome))->Increment();
}

void Metrics::blob_published(Seconds took) { impl_->sync_times.Observe(took.count()); }

std::string Metrics::text(const Snapshot& now) const {
  auto families = impl_->registry.Collect();
  std::ranges::move(families_of(now), std::back_inserter(families));
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return std::move(out).str();
}

}  // namespace media::metrics
