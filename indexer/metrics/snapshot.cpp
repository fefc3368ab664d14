#include "indexer/metrics/snapshot.hpp"

#include <string>
#include <utility>

#include <sys/statvfs.h>

#include "indexer/config.hpp"

namespace media::metrics {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using LabelledValues = std::vector<std::pair<const char*, double>>;

class Families {
 public:
  void gauge(const char* name, const char* help, double value) {
    ClientMetric metric;
    metric.gauge.value = value;
    add(name, help, MetricType::Gauge, {std::move(metric)});
  }

  void counter(const char* name, const char* help, double value) {
    ClientMetric metric;
    metric.counter.value = value;
    add(name, help, MetricType::Counter, {std::move(metric)});
  }

  void gauges(const char* name, const char* help, const char* label, const LabelledValues& values) {
    std::vector<ClientMetric> metrics;
    for (const auto& [text, value] : values) {
      ClientMetric metric;
      metric.label = {{label, text}};
      metric.gauge.value = value;
      metrics.push_back(std::move(metric));
    }
    add(name, help, MetricType::Gauge, std::move(metrics));
  }

  std::vector<MetricFamily> take() { return std::move(families_); }

 private:
  void add(const char* name, const char* help, MetricType type, std::vector<ClientMetric> metrics) {
    families_.push_back({name, help, type, std::move(metrics)});
  }

  std::vector<MetricFamily> families_;
};

template <class Number>
double real(Number number) {
  return static_cast<double>(number);
}

void add_queue(Families& families, const std::optional<QueueSample>& queue) {
  families.gauge("media_database_up", "1: the database answers in time.", queue ? 1 : 0);
  if (!queue) return;
  families.gauges("media_queue_jobs",
                  "Jobs of all daemons: due, suspended with their account, running, or waiting for "
                  "their next attempt.",
                  "state",
                  {{"due", real(queue->due)},
                   {"suspended", real(queue->suspended)},
                   {"running", real(queue->running)},
                   {"waiting", real(queue->waiting)}});
  families.gauge("media_ingest_oldest_pending_seconds",
                 "Age of the oldest job that has not come to an end; 0: there is none.",
                 queue->oldest_pending_seconds);
}

void add_pool(Families& families, const db::PoolStatus& pool) {
  families.gauge("media_database_connections", "Size of the connection pool.",
                 real(pool.connections));
  families.gauge("media_database_connections_in_use", "Connections with a statement under way.",
                 real(pool.in_use));
  families.gauge("media_database_waiting", "Statements that wait for a connection.",
                 real(pool.waiting));
  families.counter("media_database_errors_total",
                   "Statements that found no connection, or were not answered in time.",
                   real(pool.errors));
}

void add_process(Families& families, const ProcessSample& process) {
  families.counter("process_cpu_seconds_total", "User and system time.", process.cpu_seconds);
  families.gauge("process_start_time_seconds", "Unix time.", process.start_time);
  families.gauge("process_resident_memory_bytes", "Memory that is in use.",
                 real(process.resident_bytes));
  families.gauge("process_open_fds", "Open file descriptors.", real(process.open_files));
  families.gauge("process_max_fds", "Most file descriptors that may be open.",
                 real(process.max_files));
}

}  // namespace

std::optional<std::uint64_t> free_bytes(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return std::nullopt;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

std::vector<MetricFamily> families_of(const Snapshot& now) {
  Families families;
  add_queue(families, now.queue);
  add_pool(families, now.pool);
  families.gauge("media_downloads_running", "Downloads under way in this daemon.",
                 real(now.downloads_running));
  families.gauge("media_spool_files", "Deliveries that wait on disk for the database.",
                 real(now.spool_files));
  families.gauge("media_spool_bytes", "Their size.", real(now.spool_bytes));
  families.gauge("media_spool_set_aside_files",
                 "Deliveries of the spool that were refused for good and wait for a person.",
                 real(now.spool_set_aside));
  LabelledValues stores;
  for (const StoreState& store : now.stores) {
    stores.emplace_back(store.name.c_str(), store.is_usable ? 1 : 0);
  }
  families.gauges("media_store_up", "1: the store can be used, as far as this host knows.", "store",
                  stores);
  if (now.store_free_bytes) {
    families.gauge("media_store_free_bytes", "Space left in the file system of storage.local.",
                   real(*now.store_free_bytes));
  }
  families.gauges("media_build_info", "Always 1; the version is in the label.", "version",
                  {{std::string(kVersion).c_str(), 1}});
  add_process(families, now.process);
  return families.take();
}

}  // namespace media::metrics
