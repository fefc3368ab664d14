#include "ngx_media_module/lookup/resolver.hpp"

#include <algorithm>
#include <cstring>

#include "ngx_media_module/cache/vouching.hpp"
#include "ngx_media_module/log.hpp"

namespace media::nginx {
namespace {

/// Whoever asks later than this after a question was sent has it asked again: the
/// answer might be older than a change that the asker knows of.
constexpr ngx_msec_t kJoinWithin = 500;

// In the order of the enum.
constexpr std::array<std::string_view, 4> kSourceNames = {"none", "cache", "stale", "database"};

/// The two lifetimes of an answer, cut where what it says ends.
struct Lifetimes {
  ngx_msec_t fresh;
  ngx_msec_t stale;
};

Lifetimes lifetimes_of(const EncodedAnswer& answer, const CacheConf& times) {
  Lifetimes lifetimes{times.valid, times.valid + times.stale};
  if (!answer.expires_at) return lifetimes;
  constexpr std::int64_t kNoLimit = 1'000'000'000;
  const std::int64_t left =
      std::clamp<std::int64_t>(*answer.expires_at - ngx_time(), 0, kNoLimit) * 1000;
  lifetimes.fresh = std::min(lifetimes.fresh, static_cast<ngx_msec_t>(left));
  lifetimes.stale = std::min(lifetimes.stale, static_cast<ngx_msec_t>(left));
  return lifetimes;
}

}  // namespace

std::string_view name_of(AnswerSource source) {
  return kSourceNames.at(static_cast<std::size_t>(source));
}

Resolver::Resolver(const MainConf& conf, AnswerCache* cache, Stats& stats, ngx_log_t* log)
    : times_(conf.cache.value_or(CacheConf{})),
      listens_(conf.database->listen.has_value()),
      cache_(cache),
      stats_(stats),
      log_(log),
      engine_(*conf.database, conf.statements, *this, log) {}

std::optional<Answer> Resolver::ask(const Question& question, AnswerWaiter& waiter) {
  if (auto answer = peek(question.statement->part, question.key)) return answer;
  stats_.add(Counter::cache_misses);
  Lookup* lookup = join_or_ask(question);
  if (lookup == nullptr) return find_stale(question).value_or(Answer{});
  lookup->join(waiter);
  return std::nullopt;
}

void Resolver::ask_ahead(const Question& question) {
  if (cache_ != nullptr && !peek(question.statement->part, question.key)) join_or_ask(question);
}

/// Without a listener, lifetimes alone bound how old an answer can be.
bool Resolver::is_trusted() const {
  return !listens_ || is_vouched(cache_->shared(), ngx_current_msec);
}

std::optional<Answer> Resolver::peek(CachePart part, const CacheKey& key) {
  if (cache_ == nullptr || !is_trusted()) return std::nullopt;
  const auto found = cache_->find(part, key, ngx_current_msec);
  if (found && ngx_current_msec < found->fresh_until) {
    return Answer{Answer::Kind::found, AnswerSource::cache, found->value};
  }
  const auto absent = cache_->find(CachePart::negatives, key, ngx_current_msec);
  if (absent && ngx_current_msec < absent->fresh_until) {
    return Answer{Answer::Kind::absent, AnswerSource::cache, {}};
  }
  return std::nullopt;
}

bool Resolver::may_join(const Lookup& lookup) const {
  return ngx_current_msec - lookup.asked_at < kJoinWithin &&
         (cache_ == nullptr || cache_->shared().is_current(lookup.ticket));
}

Lookup* Resolver::join_or_ask(const Question& question) {
  Lookup* under_way = engine_.find(question.key);
  if (under_way != nullptr && may_join(*under_way)) {
    stats_.add(Counter::joined);
    return under_way;
  }
  // After an outage the listener may be back first; it has emptied the cache, so this can't wait.
  if (cache_ != nullptr && listens_ && is_trusted()) engine_.hurry();
  const auto ticket = cache_ == nullptr ? CacheTicket{} : cache_->shared().ticket(question.tag);
  Lookup* lookup = engine_.ask(question, ticket);
  stats_.add(lookup == nullptr ? Counter::refused_lookups : Counter::lookups);
  return lookup;
}

std::optional<Answer> Resolver::find_stale(const Question& question) {
  if (cache_ == nullptr) return std::nullopt;
  const auto found = cache_->find(question.statement->part, question.key, ngx_current_msec);
  if (!found || ngx_current_msec >= found->stale_until) return std::nullopt;
  stats_.add(Counter::stale_answers);
  return Answer{Answer::Kind::found, AnswerSource::stale, found->value};
}

void Resolver::on_result(Lookup& lookup, const LookupResult& result) {
  stats_.observe_lookup(ngx_current_msec - lookup.asked_at);
  Answer answer = answer_of(lookup, result);
  // A waiter that is called may ask anew, and so overwrite the bytes.
  std::array<std::byte, SharedCache::kMaxValueBytes> bytes;
  if (!answer.bytes.empty()) std::memcpy(bytes.data(), answer.bytes.data(), answer.bytes.size());
  answer.bytes = std::span(bytes).first(answer.bytes.size());
  while (!lookup.waiters.empty()) {
    auto& waiter = static_cast<AnswerWaiter&>(lookup.waiters.front());
    lookup.leave(waiter);
    waiter.on_answer(waiter, answer);
  }
}

Answer Resolver::answer_of(Lookup& lookup, const LookupResult& result) {
  switch (result.kind) {
    case LookupResult::Kind::found:
      return read_row(lookup, *result.row);
    case LookupResult::Kind::absent:
      keep_absent(lookup);
      return {Answer::Kind::absent, AnswerSource::database, {}};
    case LookupResult::Kind::unavailable:
      break;
  }
  stats_.add(Counter::failed_lookups);
  return find_stale(lookup.question).value_or(Answer{});
}

Answer Resolver::read_row(const Lookup& lookup, const Row& row) {
  const Statement& statement = *lookup.question.statement;
  const auto encoded = statement.encode(row, lookup.question, encoded_);
  if (!encoded && encoded.error().code == ErrorCode::unauthorized) {
    keep_absent(lookup);
    return {Answer::Kind::absent, AnswerSource::database, {}};
  }
  if (!encoded) {
    log_throttled(row_log_, NGX_LOG_ERR, log_, statement.name + ": " + encoded.error().message);
    return {Answer::Kind::broken, AnswerSource::database, {}};
  }
  keep(lookup, *encoded);
  return {Answer::Kind::found, AnswerSource::database, encoded->bytes};
}

void Resolver::keep(const Lookup& lookup, const EncodedAnswer& answer) {
  if (cache_ == nullptr || !answer.is_cacheable) return;
  CacheTicket ticket = lookup.ticket;
  if (answer.tag && !cache_->shared().bind(ticket, *answer.tag)) return;
  const auto lifetimes = lifetimes_of(answer, times_);
  cache_->store(lookup.question.statement->part, lookup.question.key,
                {.ticket = ticket,
                 .fresh_until = ngx_current_msec + lifetimes.fresh,
                 .stale_until = ngx_current_msec + lifetimes.stale,
                 .value = answer.bytes});
}

void Resolver::keep_absent(const Lookup& lookup) {
  if (cache_ == nullptr) return;
  const auto until = ngx_current_msec + times_.negative;
  cache_->store(CachePart::negatives, lookup.question.key,
                {.ticket = lookup.ticket, .fresh_until = until, .stale_until = until, .value = {}});
}

}  // namespace media::nginx
