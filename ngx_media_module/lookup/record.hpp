#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "ngx_media_module/lookup/row.hpp"

namespace media::nginx {

enum class DownloadStatus { pending, downloading, completed, failed };

std::string_view name_of(DownloadStatus status);

using ContentHash = std::array<std::uint8_t, 32>;

/// What is known about a media item. The texts point into what it was read from.
struct MediaRecord {
  std::string_view company;
  DownloadStatus status = DownloadStatus::pending;
  bool is_public = false;
  // Set when completed:
  std::string_view store;
  std::string_view storage_key;
  std::string_view mime_type;    ///< never empty
  std::string_view disposition;  ///< value of Content-Disposition
  std::int64_t size = 0;
  std::optional<ContentHash> sha256;
};

/// Texts of a record that are not in the row.
struct RecordTexts {
  std::string company;
  std::string disposition;
};

/// Reads a row of media.lookup_media() or of a site's own query. Columns:
/// company_id, status, and when completed store, storage_key and size, are
/// required; visibility, mime_type, file_name and sha256 may be missing or NULL.
/// Without a file name the last part of the key is shown. Errors: `internal`, naming the
/// column that is not as agreed.
Result<MediaRecord> parse_record(const Row& row, RecordTexts& texts);

}  // namespace media::nginx
