#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <prometheus/metric_family.h>

#include "indexer/db/database.hpp"

namespace media::metrics {

/// The queue that all daemons share, as the database counts it.
struct QueueSample {
  std::int64_t due = 0;
  std::int64_t suspended = 0;
  std::int64_t running = 0;
  std::int64_t waiting = 0;           ///< for their next attempt
  double oldest_pending_seconds = 0;  ///< 0: nothing is pending
};

/// This process, from /proc/self.
struct ProcessSample {
  double cpu_seconds = 0;
  double start_time = 0;  ///< Unix seconds
  std::int64_t resident_bytes = 0;
  std::int64_t open_files = 0;
  std::int64_t max_files = 0;
};

ProcessSample sample_process();

struct StoreState {
  std::string name;
  bool is_usable = false;
};

/// What is measured when somebody looks.
struct Snapshot {
  std::optional<QueueSample> queue;  ///< nothing: the database does not answer in time
  db::PoolStatus pool;
  std::size_t downloads_running = 0;  ///< in this daemon
  std::size_t spool_files = 0;
  std::uint64_t spool_bytes = 0;
  std::size_t spool_set_aside = 0;
  std::vector<StoreState> stores;
  std::optional<std::uint64_t> store_free_bytes;
  ProcessSample process;
};

/// The space that an unprivileged user has left in a file system.
std::optional<std::uint64_t> free_bytes(const std::string& path);

std::vector<prometheus::MetricFamily> families_of(const Snapshot& now);

}  // namespace media::metrics
