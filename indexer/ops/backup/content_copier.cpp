#include "indexer/ops/backup/content_copier.hpp"

#include <algorithm>
#include <optional>

#include "indexer/storage/local_store.hpp"

namespace media::backup {
namespace {

constexpr std::size_t kPiece = 1 << 18;
constexpr std::size_t kMaxAbsent = 32 << 20;  // bytes of lines

// Where a file is that a row named when the snapshot was taken: it may have been moved.
constexpr const char* kStoreNow =
    "SELECT b.store FROM media.blobs AS b"
    " WHERE b.storage_key = $1 AND b.sha256 = decode($2, 'hex') AND b.state <> 'gone' "
    "UNION ALL "
    "SELECT r.store FROM media.renditions AS r"
    " WHERE r.storage_key = $1 AND r.sha256 = decode($2, 'hex') LIMIT 1";
constexpr const char* kIsQuarantined =
    "SELECT ':quarantine' AS store FROM media.quarantine AS q"
    " WHERE q.media_id::text = $1 AND q.sha256 = decode($2, 'hex')";

std::string place_of(const NamedFile& file) { return file.store + " " + file.key; }

bool is_of_this_host(const NamedFile& file) {
  return file.store == storage::kLocalStoreName || file.store == kQuarantine;
}

}  // namespace

void add_problem(BackupReport& report, std::string problem) {
  constexpr std::size_t kMax = 100;
  if (report.problems.size() < kMax) report.problems.push_back(std::move(problem));
}

Result<void> ContentCopier::take(yield_context yield, const std::vector<NamedFile>& files) {
  const NamedFile& first = files.front();
  const auto size = inventory_.find(first.sha256);
  if (size == first.size) {
    report_.present.add(first.size);
    return {};
  }
  if (size) {  // not what its name says
    if (auto removed = archive_.store().remove(yield, blob_key(first.sha256)); !removed) {
      return removed;
    }
  }
  const auto outcome = copy_first(yield, files);
  if (!outcome) return std::unexpected(outcome.error());
  if (*outcome != Outcome::written) return note_absent(*outcome, files);
  report_.written.add(first.size);
  inventory_.put(first.sha256, first.size);
  return {};
}

// Any of the files will do.
Result<ContentCopier::Outcome> ContentCopier::copy_first(yield_context yield,
                                                         const std::vector<NamedFile>& files) {
  Outcome worst = Outcome::deleted;
  for (const NamedFile& file : files) {
    const auto outcome = copy(yield, file);
    if (!outcome) {
      return std::unexpected(Error(outcome.error()).context(place_of(file)));
    }
    if (*outcome == Outcome::written) return outcome;
    worst = std::max(worst, *outcome);
  }
  return worst;
}

// What was deleted or moved since the snapshot is no loss.
Result<ContentCopier::Outcome> ContentCopier::copy(yield_context yield, NamedFile file) {
  auto outcome = copy_as_it_is(yield, file);
  if (!outcome || *outcome != Outcome::missing) return outcome;
  const auto now = store_now(file);
  if (!now) return std::unexpected(now.error());
  if (now->empty()) return Outcome::deleted;
  if (*now == file.store) return Outcome::missing;
  file.store = *now;
  return copy_as_it_is(yield, file);
}

Result<std::string> ContentCopier::store_now(const NamedFile& file) {
  const auto rows = session_.query(file.store == kQuarantine ? kIsQuarantined : kStoreNow,
                                   {file.key, file.sha256});
  if (!rows) return std::unexpected(rows.error());
  return rows->empty() ? std::string() : std::string(rows->text(0, "store"));
}

Result<ContentCopier::Outcome> ContentCopier::copy_as_it_is(yield_context yield,
                                                            const NamedFile& file) {
  bool is_linked = false;
  if (file.store == storage::kLocalStoreName) {
    const auto outcome = link(yield, file, is_linked);
    if (!outcome || is_linked) return outcome;
  }
  auto upload = archive_.begin();
  if (!upload) return std::unexpected(upload.error());
  Sha256 hash;
  std::optional<Error> refused;
  const auto read = read_source(yield, file, [&](ByteView chunk) -> Result<void> {
    hash.update(chunk);
    auto written = (*upload)->append(chunk);
    if (!written) refused = written.error();
    return written;
  });
  if (refused) return std::unexpected(*refused);
  if (!read) return outcome_of(file, read.error());
  if (hash.finish() != file.digest()) return Outcome::corrupt;
  const auto put = archive_.put(yield, std::move(*upload), blob_key(file.sha256), file.digest());
  if (!put) return std::unexpected(put.error());
  const auto verified = verify(yield, file);
  if (!verified) return std::unexpected(verified.error());
  return Outcome::written;
}

// One that can't be read does not keep all others from being saved, but a disk that is not
// mounted or an object store that does not answer does.
Result<ContentCopier::Outcome> ContentCopier::outcome_of(const NamedFile& file,
                                                         const Error& error) {
  if (error.code == ErrorCode::not_found) return Outcome::missing;
  if (error.code == ErrorCode::truncated) return Outcome::corrupt;
  if (error.code != ErrorCode::storage || !is_of_this_host(file)) return std::unexpected(error);
  if (auto checked = stores_.staging().check(); !checked) return std::unexpected(checked.error());
  return Outcome::corrupt;
}

Result<ContentCopier::Outcome> ContentCopier::link(yield_context yield, const NamedFile& file,
                                                   bool& is_linked) {
  const auto linked = archive_.link(config_.storage.root, file.key, file.sha256);
  if (!linked) return std::unexpected(linked.error());
  is_linked = *linked;
  if (!is_linked) return Outcome::missing;
  const auto is_sound = archive_.is_sound(yield, file.sha256);
  if (is_sound.value_or(false)) {
    report_.linked.add(file.size);
    return Outcome::written;
  }
  auto removed = archive_.store().remove(yield, blob_key(file.sha256));
  if (!removed) return std::unexpected(removed.error());
  return Outcome::corrupt;
}

Result<void> ContentCopier::read_source(yield_context yield, const NamedFile& file,
                                        const storage::ByteSink& sink) {
  if (file.store != kQuarantine) {
    storage::BlobStore* store = stores_.find(file.store);
    if (store == nullptr) {
      return fail(ErrorCode::invalid_argument,
                  "the configuration has no store '" + file.store + "'");
    }
    return store->retrieve(yield, file.key, sink);
  }
  const auto kept = stores_.staging().open_quarantined(yield, file.key);
  if (!kept) return std::unexpected(kept.error());
  std::vector<std::uint8_t> piece(kPiece);
  for (std::uint64_t offset = 0;;) {
    const auto count = (*kept)->read(offset, piece);
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return {};
    if (auto taken = sink({piece.data(), *count}); !taken) return taken;
    offset += *count;
  }
}

Result<void> ContentCopier::verify(yield_context yield, const NamedFile& file) {
  const auto is_sound = archive_.is_sound(yield, file.sha256);
  if (!is_sound) return std::unexpected(is_sound.error());
  if (*is_sound) return {};
  return fail(ErrorCode::hash_mismatch, "read again from the backup, it has changed");
}

Result<void> ContentCopier::note_absent(Outcome outcome, const std::vector<NamedFile>& files) {
  if (absent_.size() > kMaxAbsent) {
    return fail(ErrorCode::storage, "too many files are not there: is this the right store?");
  }
  const std::string why = outcome == Outcome::deleted   ? "deleted"
                          : outcome == Outcome::missing ? "missing"
                                                        : "corrupt";
  Manifest& manifest = report_.manifest;
  ++(outcome == Outcome::deleted   ? manifest.deleted
     : outcome == Outcome::missing ? manifest.missing
                                   : manifest.corrupt);
  for (const NamedFile& file : files) {
    absent_ += why + '\t' + line_of(file);
    if (outcome != Outcome::deleted) add_problem(report_, place_of(file) + " is " + why);
  }
  return {};
}

}  // namespace media::backup
