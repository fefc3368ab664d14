#include "ngx_media_module/stats.hpp"

#include <algorithm>

namespace media::nginx {
namespace {

// In the order of the enum.
constexpr std::array<std::string_view, kCounters> kNames = {
    "local_hits",     "shared_hits",     "cache_misses",    "stale_answers", "lookups",    "joined",
    "failed_lookups", "refused_lookups", "tokens_verified", "subrequests",   "key_reloads"};

template <std::size_t N>
void add_all(std::array<std::uint64_t, N>& total,
             const std::array<std::atomic<std::uint64_t>, N>& values) {
  for (std::size_t i = 0; i < N; ++i) total[i] += values[i].load(std::memory_order_relaxed);
}

}  // namespace

std::string_view name_of(Counter counter) { return kNames.at(static_cast<std::size_t>(counter)); }

Stats::Stats(std::span<std::byte> block, std::size_t worker)
    : workers_(reinterpret_cast<WorkerStats*>(block.data()), kSlots),
      mine_(&workers_[worker % kSlots]) {}

void Stats::observe_lookup(std::uint64_t milliseconds) {
  const auto bucket = std::ranges::lower_bound(kLookupBuckets, milliseconds);
  bump(mine_->lookup_times[static_cast<std::size_t>(bucket - kLookupBuckets.begin())], 1);
  bump(mine_->lookup_milliseconds, milliseconds);
}

void Stats::publish(std::uint64_t lookups_under_way, std::uint64_t ready_connections) {
  mine_->lookups_under_way.store(lookups_under_way, std::memory_order_relaxed);
  mine_->ready_connections.store(ready_connections, std::memory_order_relaxed);
}

StatsTotal Stats::total() const {
  StatsTotal total;
  for (const WorkerStats& worker : workers_) {
    add_all(total.counters, worker.counters);
    add_all(total.decisions, worker.decisions);
    add_all(total.lookup_times, worker.lookup_times);
    total.lookup_milliseconds += worker.lookup_milliseconds.load(std::memory_order_relaxed);
    total.lookups_under_way += worker.lookups_under_way.load(std::memory_order_relaxed);
    total.ready_connections += worker.ready_connections.load(std::memory_order_relaxed);
  }
  return total;
}

}  // namespace media::nginx
