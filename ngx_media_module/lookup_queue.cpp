#include "ngx_media_module/lookup_queue.hpp"

#include <span>

namespace media::nginx {

LookupQueue::LookupQueue(std::size_t capacity)
    : capacity_(capacity), slots_(std::make_unique<Lookup[]>(capacity)) {
  for (auto& slot : std::span(slots_.get(), capacity_)) free_.push_back(slot);
}

Lookup* LookupQueue::add(const Uuid& id, LookupWaiter* waiter, std::uint64_t deadline) {
  if (free_.empty()) return nullptr;
  Lookup& lookup = free_.pop_front();
  lookup.id = id;
  lookup.deadline = deadline;
  lookup.waiter = waiter;
  lookup.connection = nullptr;
  lookup.retries = 0;
  lookup.stage = Lookup::Stage::pending;
  pending_.push_back(lookup);
  by_deadline_.push_back(lookup);
  return &lookup;
}

Lookup& LookupQueue::take_pending() {
  Lookup& lookup = pending_.pop_front();
  lookup.stage = Lookup::Stage::sent;
  return lookup;
}

bool LookupQueue::retry(Lookup& lookup) {
  if (lookup.retries == kMaxRetries || lookup.waiter == nullptr) return false;
  ++lookup.retries;
  lookup.connection = nullptr;
  lookup.stage = Lookup::Stage::pending;
  pending_.push_back(lookup);
  return true;
}

void LookupQueue::release(Lookup& lookup) {
  if (lookup.stage == Lookup::Stage::pending) pending_.remove(lookup);
  by_deadline_.remove(lookup);
  lookup.stage = Lookup::Stage::free;
  lookup.waiter = nullptr;
  lookup.connection = nullptr;
  free_.push_back(lookup);
}

}  // namespace media::nginx
