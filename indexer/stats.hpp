#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "indexer/db/database.hpp"
#include "indexer/json.hpp"

namespace media {

/// What a company ($1) has stored, a row for each bucket; run with query_as.
extern const std::string_view kSelectStorageStats;

/// The figures of kSelectStorageStats that can be added up.
inline constexpr const char* kStorageFigures[] = {"files",        "bytes",       "blobs",
                                                  "stored_bytes", "saved_bytes", "pending",
                                                  "downloading",  "failed",      "deleted"};

/// {"buckets": [...], "total": {...}} of its rows.
Json storage_stats_json(const db::Rows& rows);

/// Days in UTC, YYYY-MM-DD, both included.
struct Period {
  std::string from;
  std::string to;
};

/// An empty `to` is today, an empty `from` 29 days before it. Error
/// `invalid_argument`: no day, the wrong order, or more than 400 days.
Result<Period> parse_period(std::string_view from, std::string_view to,
                            std::int64_t now_unix_seconds);

/// The daily figures of a company ($1) in a period ($2, $3); run with query_as.
extern const std::string_view kSelectAnalytics;

/// {"from", "to", "items": [...]} of its rows.
Json analytics_json(const Period& period, const db::Rows& rows);

}  // namespace media
