#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "ngx_media_module/answer/decision.hpp"

namespace media::nginx {

/// What `media_status` counts, since nginx was started.
enum class Counter {
  local_hits,       ///< answers from a worker's own cache
  shared_hits,      ///< answers from the cache that workers share
  cache_misses,     ///< questions that no cache answered
  stale_answers,    ///< old answers given while the database was away
  lookups,          ///< questions sent to the database
  joined,           ///< questions that waited for another's answer
  failed_lookups,   ///< questions that the database did not answer
  refused_lookups,  ///< questions not sent: queue full, or database away
  tokens_verified,  ///< signatures and ciphertexts checked
  subrequests,      ///< callers that the application was asked about
  key_reloads,      ///< key files read again
};
inline constexpr std::size_t kCounters = 11;
std::string_view name_of(Counter counter);

/// Upper bounds of the lookup time histogram, in milliseconds; the last bucket has none.
inline constexpr std::array<std::uint64_t, 10> kLookupBuckets = {1,  2,   5,   10,   25,
                                                                 50, 100, 250, 1000, 2500};

/// Counters of one worker, in shared memory: only that worker writes them.
struct WorkerStats {
  std::array<std::atomic<std::uint64_t>, kCounters> counters;
  std::array<std::atomic<std::uint64_t>, kDecisions> decisions;
  std::array<std::atomic<std::uint64_t>, kLookupBuckets.size() + 1> lookup_times;
  std::atomic<std::uint64_t> lookup_milliseconds;
  std::atomic<std::uint64_t> lookups_under_way;
  std::atomic<std::uint64_t> ready_connections;
};

/// The sum over all workers.
struct StatsTotal {
  std::array<std::uint64_t, kCounters> counters{};
  std::array<std::uint64_t, kDecisions> decisions{};
  std::array<std::uint64_t, kLookupBuckets.size() + 1> lookup_times{};
  std::uint64_t lookup_milliseconds = 0;
  std::uint64_t lookups_under_way = 0;
  std::uint64_t ready_connections = 0;
};

/// Counts for one worker. Workers beyond the number of slots share them.
class Stats {
 public:
  static constexpr std::size_t kSlots = 64;
  static constexpr std::size_t kBlockBytes = kSlots * sizeof(WorkerStats);

  /// A zeroed block, or one with counts of earlier workers.
  Stats(std::span<std::byte> block, std::size_t worker);

  void add(Counter counter) { bump(mine_->counters[static_cast<std::size_t>(counter)], 1); }
  void add(Decision decision) { bump(mine_->decisions[static_cast<std::size_t>(decision)], 1); }
  void observe_lookup(std::uint64_t milliseconds);
  void publish(std::uint64_t lookups_under_way, std::uint64_t ready_connections);

  StatsTotal total() const;

 private:
  static void bump(std::atomic<std::uint64_t>& value, std::uint64_t by) {
    value.fetch_add(by, std::memory_order_relaxed);
  }

  std::span<WorkerStats> workers_;
  WorkerStats* mine_;
};

}  // namespace media::nginx
