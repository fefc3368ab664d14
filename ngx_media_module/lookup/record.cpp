#include "ngx_media_module/lookup/record.hpp"

#include <algorithm>

#include "core/claims.hpp"
#include "core/header_value.hpp"
#include "core/media_type.hpp"
#include "core/storage_key.hpp"

namespace media::nginx {
namespace {

constexpr std::array<std::string_view, 4> kStatusNames = {"pending", "downloading", "completed",
                                                          "failed"};

std::unexpected<Error> bad_column(std::string_view name) {
  return fail(ErrorCode::internal, "the lookup returned an unusable " + std::string(name));
}

std::optional<DownloadStatus> parse_status(std::string_view text) {
  const auto found = std::ranges::find(kStatusNames, text);
  if (found == kStatusNames.end()) return std::nullopt;
  return static_cast<DownloadStatus>(found - kStatusNames.begin());
}

std::string_view text_column(const Row& row, std::string_view name) {
  const Column* const column = row.find(name);
  return column == nullptr ? std::string_view() : column->bytes;
}

bool read_hash(const Row& row, MediaRecord& record) {
  const Column* const column = row.find("sha256");
  if (column == nullptr) return true;
  ContentHash hash;
  if (column->bytes.size() != hash.size()) return false;
  std::ranges::copy(column->bytes, hash.begin());
  record.sha256 = hash;
  return true;
}

Result<MediaRecord> parse_object(MediaRecord record, const Row& row, RecordTexts& texts) {
  const Column* const size_column = row.find("size");
  const auto size = size_column == nullptr ? std::nullopt : integer_of(*size_column);
  if (!size || *size < 0) return bad_column("size");
  record.size = *size;
  if (!read_hash(row, record)) return bad_column("sha256");
  record.store = text_column(row, "store");
  if (record.store.empty()) return bad_column("store");
  record.storage_key = text_column(row, "storage_key");
  if (!is_valid_storage_key(record.storage_key) || is_reserved_storage_key(record.storage_key)) {
    return bad_column("storage_key");
  }
  record.mime_type = text_column(row, "mime_type");
  if (record.mime_type.empty()) record.mime_type = "application/octet-stream";
  if (!is_header_text(record.mime_type)) return bad_column("mime_type");
  const auto file_name = text_column(row, "file_name");
  texts.disposition = content_disposition(is_inline_safe(record.mime_type),
                                          file_name.empty() ? record.storage_key : file_name);
  record.disposition = texts.disposition;
  return record;
}

}  // namespace

std::string_view name_of(DownloadStatus status) {
  return kStatusNames.at(static_cast<std::size_t>(status));
}

Result<MediaRecord> parse_record(const Row& row, RecordTexts& texts) {
  const Column* const company_column = row.find("company_id");
  if (company_column == nullptr) return bad_column("company_id");
  texts.company = id_of(*company_column);
  if (texts.company.empty()) return bad_column("company_id");
  const auto status = parse_status(text_column(row, "status"));
  if (!status) return bad_column("status");
  MediaRecord record;
  record.company = texts.company;
  record.status = *status;
  record.is_public = text_column(row, "visibility") == "public";
  if (record.status != DownloadStatus::completed) return record;
  return parse_object(record, row, texts);
}

}  // namespace media::nginx
