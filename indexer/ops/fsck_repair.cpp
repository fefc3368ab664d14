#include "indexer/ops/fsck_repair.hpp"

#include <algorithm>
#include <set>

#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

/// The reason that media fail for, see docs/PROVIDERS.md.
const char* reason_of(FaultKind kind) { return kind == FaultKind::missing ? "missing" : "corrupt"; }

std::string error_text(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::missing:
      return "the stored bytes are gone";
    case FaultKind::size:
      return "the stored bytes have another size";
    default:
      return "the stored bytes have another SHA-256";
  }
}

}  // namespace

bool FsckRepair::is_wanted(FaultKind kind) const {
  return std::ranges::find(kinds_, name_of(kind)) != kinds_.end();
}

Result<std::string> FsckRepair::lose_blob(yield_context yield, const Fault& fault) {
  const auto rows = database_.query(
      yield, "SELECT failed, retried FROM media.lose_blob($1, $2, $3, $4, $5)",
      {fault.blob_id, fault.store, fault.key, reason_of(fault.kind), error_text(fault)});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::string();
  return std::to_string(rows->integer(0, "failed")) + " media failed, " +
         std::to_string(rows->integer(0, "retried")) + " of them fetched again";
}

Result<std::string> FsckRepair::lose_rendition(yield_context yield, const Fault& fault) {
  const auto rows = database_.query(yield, "SELECT media.lose_rendition($1, $2, $3, $4) AS is_lost",
                                    {fault.blob_id, fault.rendition, fault.store, fault.key});
  if (!rows) return std::unexpected(rows.error());
  return std::string(rows->boolean(0, "is_lost") ? "rendition given up" : "");
}

Result<void> FsckRepair::lose(yield_context yield, Fault& fault) {
  if (!is_wanted(fault.kind)) return {};
  if (is_dry_run_) {
    fault.repair = "would be given up";
    return {};
  }
  auto done = fault.rendition.empty() ? lose_blob(yield, fault) : lose_rendition(yield, fault);
  if (!done) return std::unexpected(done.error());
  fault.repair = std::move(*done);
  if (fault.repair.empty()) fault.detail = "changed meanwhile, left alone";
  return {};
}

Result<void> FsckRepair::doom(yield_context yield, const std::string& run,
                              std::vector<Fault>& faults) {
  if (!is_wanted(FaultKind::untracked)) return {};
  const std::string fate = "removed in " + rough_duration(grace_.count());
  std::vector<std::string> keys;
  for (Fault& fault : faults) {
    keys.push_back(fault.key);
    if (is_dry_run_) fault.repair = "would be " + fate;
  }
  if (is_dry_run_ || keys.empty()) return {};
  const auto rows = database_.query(yield, "SELECT key FROM media.fsck_doom($1, $2) AS key",
                                    {run, db::text_array(keys)});
  if (!rows) return std::unexpected(rows.error());
  std::set<std::string_view> doomed;
  for (std::size_t row = 0; row < rows->size(); ++row) doomed.insert(rows->text(row, "key"));
  for (Fault& fault : faults) {
    if (doomed.contains(fault.key)) fault.repair = fate;
  }
  return {};
}

}  // namespace media::ops
