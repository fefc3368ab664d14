#include "indexer/stats.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>

namespace media {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

constexpr days kDefaultPeriod{29};
constexpr days kLongestPeriod{399};

constexpr const char* kDailyFigures[] = {
    "received",           "completed",   "failed",          "bytes_stored",
    "bytes_deduplicated", "download_ms", "download_ms_max", "views"};

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<sys_days> parse_day(std::string_view text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  const bool is_date = text.size() == 10 && text[4] == '-' && text[7] == '-' &&
                       read_number(text.substr(0, 4), year) &&
                       read_number(text.substr(5, 2), month) && read_number(text.substr(8), day);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  if (!is_date || year < 1970 || !date.ok()) return std::nullopt;
  return sys_days(date);
}

std::string text_of(sys_days day) {
  const std::chrono::year_month_day date(day);
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text;
}

std::unexpected<Error> no_day(const char* name) {
  return fail(ErrorCode::invalid_argument, std::string(name) + " must be a day like 2026-11-21");
}

}  // namespace

const std::string_view kSelectStorageStats =
    "SELECT bucket, file_type, files, bytes, blobs, stored_bytes, saved_bytes, pending, "
    "downloading, failed, deleted, "
    "to_char(oldest_pending_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') "
    "AS oldest_pending_at FROM media.get_media_storage_stats($1)";

Json storage_stats_json(const db::Rows& rows) {
  Json buckets = Json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json bucket = Json::object();
    bucket.set("bucket", rows.text(row, "bucket")).set("file_type", rows.text(row, "file_type"));
    for (const char* figure : kStorageFigures) bucket.set(figure, rows.integer(row, figure));
    bucket.set_or_null("oldest_pending_at", rows.optional_text(row, "oldest_pending_at"));
    buckets.push(bucket);
  }
  Json total = Json::object();
  for (const char* figure : kStorageFigures) {
    std::int64_t sum = 0;
    for (std::size_t row = 0; row < rows.size(); ++row) sum += rows.integer(row, figure);
    total.set(figure, sum);
  }
  return Json::object().set("buckets", buckets).set("total", total);
}

Result<Period> parse_period(std::string_view from, std::string_view to,
                            std::int64_t now_unix_seconds) {
  const auto today =
      std::chrono::floor<days>(std::chrono::sys_seconds(std::chrono::seconds(now_unix_seconds)));
  const auto last = to.empty() ? std::optional(today) : parse_day(to);
  if (!last) return no_day("to");
  const auto first = from.empty() ? std::optional(*last - kDefaultPeriod) : parse_day(from);
  if (!first) return no_day("from");
  if (*first > *last) return fail(ErrorCode::invalid_argument, "from must not be after to");
  if (*last - *first > kLongestPeriod) {
    return fail(ErrorCode::invalid_argument, "a period has 400 days at most");
  }
  return Period{text_of(*first), text_of(*last)};
}

const std::string_view kSelectAnalytics =
    "SELECT a.day, a.provider, a.file_type, a.received, a.completed, a.failed, a.bytes_stored, "
    "a.bytes_deduplicated, a.download_ms, a.download_ms_max, a.views, "
    "(SELECT json_object_agg(f.reason, f.failed ORDER BY f.reason) FROM media.media_failures AS f "
    "WHERE f.company_id = a.company_id AND f.day = a.day AND f.provider = a.provider "
    "AND f.file_type = a.file_type) AS failures "
    "FROM media.media_analytics AS a WHERE a.company_id = $1 AND a.day BETWEEN $2 AND $3 "
    "ORDER BY a.day, a.provider, a.file_type";

Json analytics_json(const Period& period, const db::Rows& rows) {
  Json items = Json::array();
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Json item = Json::object();
    for (const char* name : {"day", "provider", "file_type"}) item.set(name, rows.text(row, name));
    for (const char* figure : kDailyFigures) item.set(figure, rows.integer(row, figure));
    const auto failures = Json::parse(rows.text(row, "failures"));
    item.set("failures", failures ? *failures : Json::object());
    items.push(item);
  }
  return Json::object().set("from", period.from).set("to", period.to).set("items", items);
}

}  // namespace media
