#pragma once

#include <cstdint>
#include <memory>

#include "core/uuid.hpp"
#include "ngx_media_module/intrusive_list.hpp"
#include "ngx_media_module/pipeline_request.hpp"

namespace media::nginx {

struct LookupWaiter;

/// How often a lookup that was lost with its connection is sent again.
inline constexpr unsigned kMaxRetries = 2;

struct DeadlineHook : ListHook {};

/// One question to the database. It is in the deadline list all the time, and
/// either pending here or in the pipeline of a connection.
struct Lookup : PipelineRequest, DeadlineHook {
  enum class Stage { free, pending, sent };

  Uuid id;
  std::uint64_t deadline = 0;      ///< milliseconds, on the caller's clock
  LookupWaiter* waiter = nullptr;  ///< null once nobody waits any more
  void* connection = nullptr;      ///< of a sent lookup
  Stage stage = Stage::free;
  unsigned retries = 0;
};

/// Bounded set of the lookups of a worker: those to be sent, in order, and
/// the deadlines of all. Its memory is allocated once.
class LookupQueue {
 public:
  explicit LookupQueue(std::size_t capacity);

  /// A new pending lookup, or null when `capacity` are under way. Deadlines
  /// must not decrease from call to call.
  Lookup* add(const Uuid& id, LookupWaiter* waiter, std::uint64_t deadline);

  bool has_pending() const { return !pending_.empty(); }
  /// The next to be sent; it is in stage `sent` from now on.
  Lookup& take_pending();
  /// Gives a sent lookup back to be sent once more. False when that was done
  /// often enough, or nobody waits: then it is still to be released.
  bool retry(Lookup& lookup);
  /// The lookup is over.
  void release(Lookup& lookup);

  bool empty() const { return by_deadline_.empty(); }
  std::size_t size() const { return by_deadline_.size(); }
  /// The earliest deadline; only when not empty().
  Lookup& earliest() { return by_deadline_.front(); }

 private:
  std::size_t capacity_;
  std::unique_ptr<Lookup[]> slots_;
  IntrusiveList<Lookup, PipelineRequest> free_;
  IntrusiveList<Lookup, PipelineRequest> pending_;
  IntrusiveList<Lookup, DeadlineHook> by_deadline_;
};

}  // namespace media::nginx
