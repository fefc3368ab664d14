#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/error.hpp"
#include "core/uuid.hpp"

namespace media::nginx {

enum class DownloadStatus { pending, downloading, completed, failed };

std::string_view name_of(DownloadStatus status);

/// One row of media.lookup_media(). The texts point into what it was parsed from.
struct MediaRecord {
  Uuid company;
  DownloadStatus status = DownloadStatus::pending;
  bool is_public = false;
  // Set when completed:
  std::string_view store;
  std::string_view storage_key;
  std::string_view mime_type;
  std::string_view file_name;
  std::int64_t size = 0;
  std::array<std::uint8_t, 32> sha256{};
};

/// One column in PostgreSQL's binary format.
struct Column {
  std::string_view bytes;
  bool is_null = false;
};

/// The query behind a lookup; its columns are in the order that parse_record() takes.
inline constexpr const char* kLookupQuery =
    "SELECT company_id, status, visibility, store, storage_key, mime_type, file_name, size, sha256 "
    "FROM media.lookup_media($1)";
inline constexpr std::size_t kRecordColumns = 9;

/// Errors: `internal`, naming the column that is not as agreed.
Result<MediaRecord> parse_record(std::span<const Column, kRecordColumns> row);

}  // namespace media::nginx
