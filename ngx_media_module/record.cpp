#include "ngx_media_module/record.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "core/storage_key.hpp"

namespace media::nginx {
namespace {

enum ColumnIndex : std::size_t {
  kCompany,
  kStatus,
  kVisibility,
  kStore,
  kStorageKey,
  kMimeType,
  kFileName,
  kSize,
  kSha256,
};

constexpr std::array<std::string_view, 4> kStatusNames = {"pending", "downloading", "completed",
                                                          "failed"};

std::unexpected<Error> bad_column(std::string_view name) {
  return fail(ErrorCode::internal,
              "media.lookup_media() returned an unusable " + std::string(name));
}

std::optional<DownloadStatus> parse_status(std::string_view text) {
  const auto found = std::ranges::find(kStatusNames, text);
  if (found == kStatusNames.end()) return std::nullopt;
  return static_cast<DownloadStatus>(found - kStatusNames.begin());
}

/// int8 in network byte order.
std::optional<std::int64_t> parse_bigint(const Column& column) {
  if (column.is_null || column.bytes.size() != 8) return std::nullopt;
  std::uint64_t value = 0;
  for (const unsigned char byte : column.bytes) value = value << 8 | byte;
  return static_cast<std::int64_t>(value);
}

template <std::size_t N>
bool copy_bytes(const Column& column, std::array<std::uint8_t, N>& target) {
  if (column.is_null || column.bytes.size() != N) return false;
  std::ranges::copy(column.bytes, target.begin());
  return true;
}

Result<MediaRecord> parse_object(MediaRecord record, std::span<const Column, kRecordColumns> row) {
  const auto size = parse_bigint(row[kSize]);
  if (!size || *size < 0) return bad_column("size");
  record.size = *size;
  if (!copy_bytes(row[kSha256], record.sha256)) return bad_column("sha256");
  if (row[kStore].bytes.empty()) return bad_column("store");
  record.store = row[kStore].bytes;
  if (!is_valid_storage_key(row[kStorageKey].bytes)) return bad_column("storage_key");
  record.storage_key = row[kStorageKey].bytes;
  record.mime_type = row[kMimeType].bytes;
  record.file_name = row[kFileName].bytes;
  return record;
}

}  // namespace

std::string_view name_of(DownloadStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

Result<MediaRecord> parse_record(std::span<const Column, kRecordColumns> row) {
  MediaRecord record;
  if (!copy_bytes(row[kCompany], record.company.bytes)) return bad_column("company_id");
  const auto status = parse_status(row[kStatus].bytes);
  if (!status) return bad_column("status");
  record.status = *status;
  record.is_public = row[kVisibility].bytes == "public";
  if (record.status != DownloadStatus::completed) return record;
  return parse_object(record, row);
}

}  // namespace media::nginx
