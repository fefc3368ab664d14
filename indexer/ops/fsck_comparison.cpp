#include "indexer/ops/fsck_comparison.hpp"

#include "core/storage_key.hpp"
#include "core/utf8.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::size_t kPortion = 1000;     // files of one statement
constexpr std::string_view kPage = "500";  // findings of one statement

/// Whether a row could have the key at all.
bool is_possible(const std::string& key) {
  return is_valid_storage_key(key) && to_valid_utf8(key) == key;
}

}  // namespace

Result<void> FsckComparison::run(yield_context yield, std::chrono::seconds min_age) {
  if (auto checked = store_.check(); !checked) return checked;
  if (auto started = start(yield, min_age); !started) return started;
  auto done = list(yield);
  if (done) done = check_plausible();
  if (done) done = find_faulty(yield);
  if (done) done = find_untracked(yield);
  finish(yield);
  return done;
}

Result<void> FsckComparison::start(yield_context yield, std::chrono::seconds min_age) {
  const auto rows = database_.query(yield, "SELECT media.fsck_start($1, $2) AS run",
                                    {std::string(store_.name()), std::to_string(min_age.count())});
  if (!rows) return std::unexpected(rows.error());
  run_ = rows->text(0, "run");
  return {};
}

Result<void> FsckComparison::list(yield_context yield) {
  auto listed = store_.list(yield, "",
                            [&](const storage::ObjectInfo& object) { return take(yield, object); });
  if (listed) listed = send(yield);
  // A disk that went away meanwhile looks like one without files.
  if (listed) listed = store_.check();
  if (!listed) return std::unexpected(std::move(listed.error()).context("list the store"));
  const auto rows =
      database_.query(yield, "SELECT files, bytes, tracked FROM media.fsck_listed($1)", {run_});
  if (!rows) return std::unexpected(rows.error());
  totals_.files += rows->integer(0, "files");
  totals_.bytes += rows->integer(0, "bytes");
  totals_.known = rows->integer(0, "tracked");
  return {};
}

Result<void> FsckComparison::take(yield_context yield, const storage::ObjectInfo& object) {
  if (is_reserved_storage_key(object.key)) return {};  // the store's own
  if (!is_possible(object.key)) {
    Fault fault{
        FaultKind::untracked, std::string(store_.name()), object.key, {}, {}, {}, {}, {}, {}};
    fault.found_size = static_cast<std::int64_t>(object.size);
    fault.detail = "not a name that files here have: remove it by hand";
    report_.add(fault);
    ++totals_.files;
    totals_.bytes += *fault.found_size;
    return {};
  }
  portion_.keys.push_back(object.key);
  portion_.sizes.push_back(std::to_string(object.size));
  portion_.times.push_back(std::to_string(object.modified_at));
  return portion_.keys.size() < kPortion ? Result<void>() : send(yield);
}

Result<void> FsckComparison::send(yield_context yield) {
  if (portion_.keys.empty()) return {};
  const auto noted =
      database_.query(yield, "SELECT media.fsck_note($1, $2, $3, $4)",
                      {run_, db::text_array(portion_.keys), db::text_array(portion_.sizes),
                       db::text_array(portion_.times)});
  portion_ = {};
  if (!noted) return std::unexpected(noted.error());
  return {};
}

/// Another site's store, or another site's database, would look like a great loss.
Result<void> FsckComparison::check_plausible() const {
  const bool repairs_rows = repair_.is_wanted(FaultKind::missing);
  if (repairs_rows && totals_.files == 0 && totals_.known > 0) {
    return fail(ErrorCode::storage, "the store is empty, but should have " +
                                        std::to_string(totals_.known) +
                                        " files: is it the right one? Nothing is repaired");
  }
  if (repair_.is_wanted(FaultKind::untracked) && totals_.files > 0 && totals_.known == 0) {
    return fail(ErrorCode::storage, "the database knows none of the " +
                                        std::to_string(totals_.files) +
                                        " files: is it the right store? Nothing is repaired");
  }
  return {};
}

Result<bool> FsckComparison::confirm(yield_context yield, Fault& fault) {
  const auto found = store_.stat(yield, fault.key);
  if (found) {
    fault.found_size = static_cast<std::int64_t>(found->size);
    fault.kind = FaultKind::size;
    if (fault.found_size == fault.size) return false;
  } else if (found.error().code == ErrorCode::not_found) {
    fault.kind = FaultKind::missing;
  } else {
    fault.kind = FaultKind::unreadable;
    fault.detail = found.error().message;
  }
  const auto rows = database_.query(yield, "SELECT media.is_known_file($1, $2) AS is_known",
                                    {fault.store, fault.key});
  if (!rows) return std::unexpected(rows.error());
  return rows->boolean(0, "is_known");
}

Result<void> FsckComparison::find_faulty(yield_context yield) {
  for (std::string after;;) {
    const auto rows = database_.query(yield, "SELECT * FROM media.fsck_faulty($1, $2, $3)",
                                      {run_, after, std::string(kPage)});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return {};
    for (std::size_t row = 0; row < rows->size(); ++row) {
      const auto kind = rows->text(row, "kind") == "size" ? FaultKind::size : FaultKind::missing;
      Fault fault = fault_of(kind, store_.name(), *rows, row);
      after = fault.key;
      const auto confirmed = confirm(yield, fault);
      if (!confirmed) return std::unexpected(confirmed.error());
      if (!*confirmed) continue;
      if (auto repaired = repair_.lose(yield, fault); !repaired) return repaired;
      report_.add(fault);
    }
  }
}

Result<void> FsckComparison::find_untracked(yield_context yield) {
  for (std::string after;;) {
    const auto rows =
        database_.query(yield, "SELECT storage_key, size FROM media.fsck_untracked($1, $2, $3)",
                        {run_, after, std::string(kPage)});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return {};
    std::vector<Fault> faults(rows->size());
    for (std::size_t row = 0; row < rows->size(); ++row) {
      faults[row].kind = FaultKind::untracked;
      faults[row].store = store_.name();
      faults[row].key = rows->text(row, "storage_key");
      faults[row].found_size = rows->integer(row, "size");
    }
    after = faults.back().key;
    if (auto doomed = repair_.doom(yield, run_, faults); !doomed) return doomed;
    for (const Fault& fault : faults) report_.add(fault);
  }
}

/// A run that is left over is forgotten by a later one.
void FsckComparison::finish(yield_context yield) {
  (void)database_.query(yield, "SELECT media.fsck_end($1)", {run_});
}

}  // namespace media::ops
