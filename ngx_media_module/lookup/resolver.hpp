#pragma once

#include <array>
#include <optional>
#include <span>

#include "ngx_media_module/cache/answer_cache.hpp"
#include "ngx_media_module/lookup/lookup.hpp"

namespace media::nginx {

/// Where an answer came from; `$media_source` shows the name.
enum class AnswerSource { none, cache, stale, database };
std::string_view name_of(AnswerSource source);

struct Answer {
  enum class Kind {
    found,
    absent,
    unavailable,  ///< the database did not answer in time
    broken,       ///< it answered what can't be
  };
  Kind kind = Kind::unavailable;
  AnswerSource source = AnswerSource::none;
  std::span<const std::byte> bytes;  ///< when found; valid until the next question
};

/// Waits for an answer that is not there at once.
struct AnswerWaiter : LookupWaiter {
  /// Called once, from the event loop, unless cancelled before.
  void (*on_answer)(AnswerWaiter& waiter, const Answer& answer) = nullptr;
};

/// Answers questions: from the cache, or from the database. Who asks what is
/// being asked already waits for the same answer. When the database is away, what
/// it said before counts for a while. One for each worker.
class Resolver final : private LookupEngine::Client {
 public:
  /// `cache` is null without `media_cache`.
  Resolver(const MainConf& conf, AnswerCache* cache, Stats& stats, ngx_log_t* log);

  void start() { engine_.start(); }

  /// The answer, or nothing when `waiter` will hear it.
  std::optional<Answer> ask(const Question& question, AnswerWaiter& waiter);
  /// The answer, if it is cached.
  std::optional<Answer> peek(CachePart part, const CacheKey& key);
  /// Asks, so that the answer is in the cache for whoever is next.
  void ask_ahead(const Question& question);
  void cancel(AnswerWaiter& waiter) { engine_.leave(waiter); }

  const LookupEngine& engine() const { return engine_; }

 private:
  void on_result(Lookup& lookup, const LookupResult& result) override;

  bool is_trusted() const;
  bool may_join(const Lookup& lookup) const;
  Lookup* join_or_ask(const Question& question);
  std::optional<Answer> find_stale(const Question& question);
  Answer answer_of(Lookup& lookup, const LookupResult& result);
  Answer read_row(const Lookup& lookup, const Row& row);
  void keep(const Lookup& lookup, const EncodedAnswer& answer);
  void keep_absent(const Lookup& lookup);

  CacheConf times_;
  bool listens_;
  AnswerCache* cache_;
  Stats& stats_;
  ngx_log_t* log_;
  LookupEngine engine_;
  LogThrottle row_log_;
  std::array<std::byte, SharedCache::kMaxValueBytes> encoded_;
};

}  // namespace media::nginx
