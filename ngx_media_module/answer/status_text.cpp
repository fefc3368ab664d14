#include "ngx_media_module/answer/status_text.hpp"

#include <array>

namespace media::nginx {
namespace {

struct CounterDoc {
  Counter counter;
  std::string_view help;
};

constexpr std::array<CounterDoc, kCounters> kDocs = {{
    {Counter::local_hits, "Answers from a worker's own cache."},
    {Counter::shared_hits, "Answers from the cache that workers share."},
    {Counter::cache_misses, "Questions that no cache answered."},
    {Counter::stale_answers, "Old answers given while the database was away."},
    {Counter::lookups, "Questions sent to the database."},
    {Counter::joined, "Questions that waited for the answer to the same one."},
    {Counter::failed_lookups, "Questions that the database did not answer."},
    {Counter::refused_lookups, "Questions not sent: queue full, or database away."},
    {Counter::tokens_verified, "Signatures and ciphertexts checked."},
    {Counter::subrequests, "Callers that the application was asked about."},
    {Counter::key_reloads, "Key files read again."},
}};

void sample(std::string& text, std::string_view name, std::uint64_t value) {
  text.append(name).append(" ").append(std::to_string(value)).append("\n");
}

void metric(std::string& text, std::string_view name, std::string_view type,
            std::string_view help) {
  text.append("# HELP ").append(name).append(" ").append(help).append("\n");
  text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void single(std::string& text, std::string_view name, std::string_view type, std::string_view help,
            std::uint64_t value) {
  metric(text, name, type, help);
  sample(text, name, value);
}

void write_decisions(std::string& text, const StatsTotal& total) {
  metric(text, "ngx_media_decisions_total", "counter", "What was decided about requests.");
  for (std::size_t i = 1; i < kDecisions; ++i) {
    const auto name = name_of(static_cast<Decision>(i));
    sample(text, "ngx_media_decisions_total{decision=\"" + std::string(name) + "\"}",
           total.decisions.at(i));
  }
}

/// Milliseconds as seconds.
std::string seconds(std::uint64_t milliseconds) {
  std::string fraction = std::to_string(milliseconds % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(milliseconds / 1000) + '.' + fraction;
}

void write_lookup_times(std::string& text, const StatsTotal& total) {
  constexpr std::string_view kName = "ngx_media_lookup_seconds";
  metric(text, kName, "histogram", "How long questions to the database took.");
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < total.lookup_times.size(); ++i) {
    count += total.lookup_times.at(i);
    const std::string bound =
        i < kLookupBuckets.size() ? seconds(kLookupBuckets.at(i)) : std::string("+Inf");
    sample(text, std::string(kName) + "_bucket{le=\"" + bound + "\"}", count);
  }
  text.append(kName).append("_sum ").append(seconds(total.lookup_milliseconds)).append("\n");
  sample(text, std::string(kName) + "_count", count);
}

void write_cache(std::string& text, const CacheFigures& cache) {
  single(text, "ngx_media_cache_invalidations_total", "counter", "Changes heard of by NOTIFY.",
         cache.invalidations);
  single(text, "ngx_media_cache_flushes_total", "counter", "Times all of it was invalidated.",
         cache.flushes);
  single(text, "ngx_media_cache_repairs_total", "counter",
         "Times it was emptied after a worker died writing.", cache.repairs);
  single(text, "ngx_media_cache_vouched", "gauge",
         "Whether the listener hears changes now; if not, the database is asked each time.",
         cache.is_vouched ? 1 : 0);
}

class JsonWriter {
 public:
  void open(std::string_view name) { key(name).append("{"); }
  void close() { text_.append("}"); }
  void number(std::string_view name, std::uint64_t value) {
    key(name).append(std::to_string(value));
  }
  void boolean(std::string_view name, bool value) { key(name).append(value ? "true" : "false"); }
  std::string finish() { return "{" + text_ + "}\n"; }

 private:
  std::string& key(std::string_view name) {
    if (!text_.empty() && !text_.ends_with('{')) text_.append(",");
    return text_.append("\"").append(name).append("\":");
  }

  std::string text_;
};

}  // namespace

std::string prometheus_text(const StatsTotal& total, const std::optional<CacheFigures>& cache) {
  std::string text;
  for (const CounterDoc& doc : kDocs) {
    single(text, "ngx_media_" + std::string(name_of(doc.counter)) + "_total", "counter", doc.help,
           total.counters.at(static_cast<std::size_t>(doc.counter)));
  }
  write_decisions(text, total);
  write_lookup_times(text, total);
  single(text, "ngx_media_lookups_under_way", "gauge", "Questions waiting for the database.",
         total.lookups_under_way);
  single(text, "ngx_media_database_connections", "gauge", "Connections that can be asked.",
         total.ready_connections);
  if (cache) write_cache(text, *cache);
  return text;
}

std::string json_text(const StatsTotal& total, const std::optional<CacheFigures>& cache) {
  JsonWriter json;
  for (const CounterDoc& doc : kDocs) {
    json.number(name_of(doc.counter), total.counters.at(static_cast<std::size_t>(doc.counter)));
  }
  json.open("decisions");
  for (std::size_t i = 1; i < kDecisions; ++i) {
    json.number(name_of(static_cast<Decision>(i)), total.decisions.at(i));
  }
  json.close();
  json.number("lookup_milliseconds", total.lookup_milliseconds);
  json.number("lookups_under_way", total.lookups_under_way);
  json.number("database_connections", total.ready_connections);
  if (cache) {
    json.open("cache");
    json.number("invalidations", cache->invalidations);
    json.number("flushes", cache->flushes);
    json.number("repairs", cache->repairs);
    json.boolean("vouched", cache->is_vouched);
    json.close();
  }
  return json.finish();
}

}  // namespace media::nginx
