#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "ngx_media_module/intrusive_list.hpp"
#include "ngx_media_module/lookup/pipeline_request.hpp"
#include "ngx_media_module/lookup/question.hpp"

namespace media::nginx {

struct Lookup;

/// Somebody who waits for the answer to a lookup, with others who asked the same.
struct LookupWaiter : ListHook {
  Lookup* lookup = nullptr;  ///< null: does not wait
};

/// How often a lookup that was lost with its connection is sent again.
inline constexpr unsigned kMaxRetries = 2;

struct DeadlineHook : ListHook {};

/// One question to the database, under way. It is in the deadline list, and
/// either pending here, in the pipeline of a connection, or follows one that is.
struct Lookup : PipelineRequest, DeadlineHook {
  enum class Stage { free, pending, sent, answered };

  Question question;
  CacheTicket ticket;
  std::uint64_t asked_at = 0;  ///< milliseconds, on the caller's clock
  std::uint64_t deadline = 0;  ///< likewise
  IntrusiveList<LookupWaiter, LookupWaiter> waiters;
  void* connection = nullptr;  ///< of a sent lookup
  /// Those sent with it, in one statement; they are in no pipeline themselves.
  IntrusiveList<Lookup, PipelineRequest> followers;
  Stage stage = Stage::free;
  unsigned retries = 0;

  void join(LookupWaiter& waiter) {
    waiters.push_back(waiter);
    waiter.lookup = this;
  }
  void leave(LookupWaiter& waiter) {
    waiters.remove(waiter);
    waiter.lookup = nullptr;
  }
};

/// Bounded set of the lookups of a worker: those to be sent, in order, and
/// the deadlines of all. Who asks what is asked already finds it here.
class LookupQueue {
 public:
  explicit LookupQueue(std::size_t capacity);

  /// The latest lookup under way under this key, or null.
  Lookup* find(const CacheKey& key) const;
  /// A new pending lookup, or null when `capacity` are under way. Deadlines
  /// must not decrease from call to call.
  Lookup* add(const Question& question, const CacheTicket& ticket, std::uint64_t now,
              std::uint64_t deadline);

  bool has_pending() const { return !pending_.empty(); }
  std::size_t pending() const { return pending_.size(); }
  /// Only when has_pending().
  const Lookup& first_pending() { return pending_.front(); }
  /// The next to be sent; it is in stage `sent` from now on.
  Lookup& take_pending();
  /// Gives a sent lookup back to be sent once more. False when that was done
  /// often enough, or nobody waits: then it is still to be ended.
  bool retry(Lookup& lookup);
  /// The answer is there: nobody can find or join the lookup any more.
  void answered(Lookup& lookup);
  /// The lookup is over, answered or not; it has no waiters.
  void release(Lookup& lookup);

  bool empty() const { return by_deadline_.empty(); }
  std::size_t size() const { return by_deadline_.size(); }
  /// The earliest deadline; only when not empty().
  Lookup& earliest() { return by_deadline_.front(); }

 private:
  struct KeyHash {
    std::size_t operator()(const CacheKey& key) const { return key.hash(); }
  };

  std::size_t capacity_;
  std::unique_ptr<Lookup[]> slots_;
  std::unordered_map<CacheKey, Lookup*, KeyHash> by_key_;
  IntrusiveList<Lookup, PipelineRequest> free_;
  IntrusiveList<Lookup, PipelineRequest> pending_;
  IntrusiveList<Lookup, DeadlineHook> by_deadline_;
};

}  // namespace media::nginx
