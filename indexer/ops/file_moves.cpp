#include "indexer/ops/file_moves.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr const char* kPage = "500";
constexpr const char* kBeforeAll = "00000000-0000-0000-0000-000000000000";

Result<Sha256Digest> digest_of(const Bytes& bytes) {
  Sha256Digest digest{};
  if (bytes.size() != digest.size()) return fail(ErrorCode::internal, "a hash of another size");
  std::ranges::copy(bytes, digest.begin());
  return digest;
}

Result<TrackedFile> tracked_file(const db::Rows& rows, std::size_t row, std::string_view key) {
  const auto digest = digest_of(rows.bytes(row, "sha256"));
  if (!digest) return std::unexpected(digest.error());
  TrackedFile file;
  file.blob = rows.text(row, "blob_id");
  file.kind = rows.text(row, "kind");
  file.key = rows.text(row, key);
  file.size = static_cast<std::uint64_t>(rows.integer(row, "size"));
  file.sha256 = *digest;
  return file;
}

Result<MoveOutcome> outcome_of(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"moved", "already_there", "vanished",
                                                      "key_doomed", "key_taken"};
  const auto* found = std::ranges::find(kNames, name);
  if (found == kNames.end()) {
    return fail(ErrorCode::internal, "move_file() returned " + std::string(name));
  }
  return static_cast<MoveOutcome>(found - kNames.begin());
}

}  // namespace

Result<Volume> FileMoves::count(yield_context yield, const std::string& store) {
  const auto rows =
      database_.query(yield, "SELECT files, bytes FROM media.count_stored_files($1, $2, $3)",
                      {store, selection_.company, selection_.accounts});
  if (!rows) return std::unexpected(rows.error());
  return Volume{rows->integer(0, "files"), static_cast<std::uint64_t>(rows->integer(0, "bytes"))};
}

Result<std::vector<TrackedFile>> FileMoves::files(yield_context yield, const std::string& store,
                                                  const TrackedFile& after) {
  const auto rows = database_.query(
      yield,
      "SELECT blob_id, kind, storage_key, size, sha256, mime_type, file_name, account_id"
      " FROM media.stored_files($1, $2, $3, $4, $5, $6)",
      {store, selection_.company, selection_.accounts, after.blob.empty() ? kBeforeAll : after.blob,
       after.kind, kPage});
  if (!rows) return std::unexpected(rows.error());
  std::vector<TrackedFile> page;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    auto file = tracked_file(*rows, row, "storage_key");
    if (!file) return std::unexpected(file.error());
    file->mime_type = rows->text(row, "mime_type");
    file->file_name = rows->text(row, "file_name");
    file->account = rows->text(row, "account_id");
    page.push_back(std::move(*file));
  }
  return page;
}

Result<std::vector<TrackedFile>> FileMoves::undoable(yield_context yield, const std::string& from,
                                                     const std::string& to,
                                                     const TrackedFile& after) {
  const auto rows = database_.query(
      yield,
      "SELECT id, blob_id, kind, from_key, to_key, size, sha256"
      " FROM media.undoable_moves($1, $2, $3, $4, $5, $6)",
      {from, to, selection_.company, selection_.accounts, std::to_string(after.move), kPage});
  if (!rows) return std::unexpected(rows.error());
  std::vector<TrackedFile> page;
  for (std::size_t row = 0; row < rows->size(); ++row) {
    auto file = tracked_file(*rows, row, "to_key");
    if (!file) return std::unexpected(file.error());
    file->move = rows->integer(row, "id");
    file->old_key = rows->text(row, "from_key");
    page.push_back(std::move(*file));
  }
  return page;
}

Result<MoveOutcome> FileMoves::move(yield_context yield, const TrackedFile& file,
                                    const std::string& from_store, const std::string& to_store,
                                    const std::string& to_key) {
  const auto rows = commits_.query(yield,
                                   {"SELECT media.move_file($1, $2, $3, $4, $5, $6) AS outcome",
                                    {file.blob, file.kind, from_store, file.key, to_store, to_key}},
                                   file.blob);
  if (!rows) return std::unexpected(rows.error());
  return outcome_of(rows->text(0, "outcome"));
}

Result<void> FileMoves::discard(yield_context yield, const std::string& store,
                                const std::string& key) {
  const auto rows = database_.query(yield, "SELECT media.discard_copy($1, $2)", {store, key});
  if (!rows) return std::unexpected(rows.error());
  return {};
}

Result<bool> FileMoves::is_stored_at(yield_context yield, const TrackedFile& file,
                                     const std::string& store) {
  const auto rows = database_.query(yield, "SELECT media.is_stored_at($1, $2, $3, $4) AS is_there",
                                    {file.blob, file.kind, store, file.key});
  if (!rows) return std::unexpected(rows.error());
  return rows->boolean(0, "is_there");
}

}  // namespace media::ops
