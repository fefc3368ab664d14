#include "indexer/ops/fsck_checksums.hpp"

#include "core/crypto.hpp"
#include "core/encoding.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr std::string_view kPage = "100";
constexpr int kTooManyUnreadable = 10;  // in a row: it is the store, not the file

}  // namespace

Result<void> FsckChecksums::run(yield_context yield, std::optional<std::int64_t> budget,
                                bool remember) {
  budget_ = budget;
  remembers_ = remember;
  std::string start;
  if (budget_) {
    const auto rows = database_.query(yield, "SELECT media.fsck_position($1) AS key",
                                      {std::string(store_.name())});
    if (!rows) return std::unexpected(rows.error());
    start = rows->text(0, "key");
  }
  auto read = read_range(yield, start, {});
  if (read && *read && !start.empty()) read = read_range(yield, "", start);
  if (!read) return std::unexpected(read.error());
  return *read && start.empty() ? this->remember(yield, "") : Result<void>();
}

Result<bool> FsckChecksums::read_range(yield_context yield, std::string after,
                                       const std::optional<std::string>& until) {
  for (;;) {
    const auto rows =
        database_.query(yield, "SELECT * FROM media.fsck_files($1, $2, $3, $4)",
                        {std::string(store_.name()), after, until, std::string(kPage)});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return true;
    for (std::size_t row = 0; row < rows->size(); ++row) {
      if (is_enough()) return false;
      Fault fault = fault_of(FaultKind::corrupt, store_.name(), *rows, row);
      after = fault.key;
      const std::string sha256(rows->text(row, "sha256"));
      if (auto one = read_one(yield, fault, sha256); !one) return std::unexpected(one.error());
      if (!is_enough()) continue;
      if (auto kept = remember(yield, after); !kept) return std::unexpected(kept.error());
    }
    if (auto kept = remember(yield, after); !kept) return std::unexpected(kept.error());
  }
}

Result<std::string> FsckChecksums::hash_of(yield_context yield, Fault& fault) {
  Sha256 hash;
  std::int64_t size = 0;
  const auto read = store_.retrieve(yield, fault.key, [&](ByteView piece) -> Result<void> {
    hash.update(piece);
    size += static_cast<std::int64_t>(piece.size());
    return {};
  });
  totals_.hashed_bytes += size;
  fault.found_size = size;
  if (!read) return std::unexpected(read.error());
  return hex_encode(hash.finish());
}

Result<void> FsckChecksums::read_one(yield_context yield, Fault& fault, const std::string& sha256) {
  ++totals_.hashed_files;
  const auto found = hash_of(yield, fault);
  if (!found) return tell_unreadable(fault, found.error());
  unreadable_in_a_row_ = 0;
  // What is of another size, the comparison tells.
  if (*found == sha256 || fault.found_size != fault.size) return {};
  // Memory and networks make mistakes as well.
  const auto again = hash_of(yield, fault);
  if (!again) return tell_unreadable(fault, again.error());
  if (*again != *found) {
    return tell_unreadable(fault, {ErrorCode::storage, "it reads differently each time"});
  }
  fault.detail = "its SHA-256 is " + *found;
  return settle(yield, fault, sha256);
}

Result<void> FsckChecksums::tell_unreadable(Fault& fault, const Error& error) {
  // What is missing, the comparison tells; or it was deleted by now.
  if (error.code == ErrorCode::not_found) return {};
  fault.kind = FaultKind::unreadable;
  fault.found_size.reset();
  fault.detail = error.message;
  report_.add(fault);
  if (++unreadable_in_a_row_ < kTooManyUnreadable) return {};
  return fail(ErrorCode::storage, "too many files can't be read: " + fault.detail);
}

Result<void> FsckChecksums::settle(yield_context yield, Fault& fault, const std::string& sha256) {
  const auto rows = database_.query(yield, "SELECT media.is_known_file($1, $2, $3) AS is_known",
                                    {fault.store, fault.key, sha256});
  if (!rows) return std::unexpected(rows.error());
  if (!rows->boolean(0, "is_known")) return {};
  if (auto repaired = repair_.lose(yield, fault); !repaired) return repaired;
  report_.add(fault);
  return {};
}

Result<void> FsckChecksums::remember(yield_context yield, const std::string& key) {
  if (!remembers_) return {};
  const auto kept = database_.query(yield, "SELECT media.set_fsck_position($1, $2)",
                                    {std::string(store_.name()), key});
  if (!kept) return std::unexpected(kept.error());
  return {};
}

}  // namespace media::ops
