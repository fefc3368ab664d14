#include "ngx_media_module/lookup/lookup_queue.hpp"

#include <span>

namespace media::nginx {

LookupQueue::LookupQueue(std::size_t capacity)
    : capacity_(capacity), slots_(std::make_unique<Lookup[]>(capacity)) {
  for (auto& slot : std::span(slots_.get(), capacity_)) free_.push_back(slot);
}

Lookup* LookupQueue::find(const CacheKey& key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

Lookup* LookupQueue::add(const Question& question, const CacheTicket& ticket, std::uint64_t now,
                         std::uint64_t deadline) {
  if (free_.empty()) return nullptr;
  by_key_.insert_or_assign(question.key, &free_.front());
  Lookup& lookup = free_.pop_front();
  lookup.question = question;
  lookup.ticket = ticket;
  lookup.asked_at = now;
  lookup.deadline = deadline;
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
  if (lookup.retries == kMaxRetries || lookup.waiters.empty()) return false;
  ++lookup.retries;
  lookup.connection = nullptr;
  lookup.stage = Lookup::Stage::pending;
  pending_.push_back(lookup);
  return true;
}

void LookupQueue::answered(Lookup& lookup) {
  if (lookup.stage == Lookup::Stage::pending) pending_.remove(lookup);
  by_deadline_.remove(lookup);
  if (find(lookup.question.key) == &lookup) by_key_.erase(lookup.question.key);
  lookup.stage = Lookup::Stage::answered;
  lookup.connection = nullptr;
}

void LookupQueue::release(Lookup& lookup) {
  if (lookup.stage != Lookup::Stage::answered) answered(lookup);
  lookup.stage = Lookup::Stage::free;
  free_.push_back(lookup);
}

}  // namespace media::nginx
