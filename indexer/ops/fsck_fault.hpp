#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "indexer/db/database.hpp"

namespace media::ops {

/// What is not as it should be about a stored file.
enum class FaultKind {
  missing,     ///< the database has it, the store does not
  size,        ///< it has another size than the database says
  untracked,   ///< the store has it, the database does not
  corrupt,     ///< its bytes have another hash
  unreadable,  ///< the store does not give it: nothing is known of it
};
inline constexpr std::size_t kFaultKinds = 5;

/// "missing", "size", …
std::string_view name_of(FaultKind kind);

/// A finding of fsck.
struct Fault {
  FaultKind kind = FaultKind::missing;
  std::string store;
  std::string key;
  std::optional<std::int64_t> size;        ///< as the database says
  std::optional<std::int64_t> found_size;  ///< as the store says
  std::string blob_id;                     ///< empty: untracked
  std::string rendition;                   ///< its kind; empty: the original
  std::string detail;                      ///< what else there is to tell
  std::string repair;                      ///< what was done, or would be; empty: nothing
};

/// Of a file whose row has storage_key, size, blob_id and rendition.
Fault fault_of(FaultKind kind, std::string_view store, const db::Rows& rows, std::size_t row);

/// How a store is, all in all.
struct FsckTotals {
  std::string store;
  std::int64_t files = 0;  ///< in the store
  std::int64_t bytes = 0;
  std::int64_t known = 0;  ///< in the database
  std::int64_t hashed_files = 0;
  std::int64_t hashed_bytes = 0;
  std::int64_t faults[kFaultKinds] = {};
  std::int64_t repaired = 0;
};

}  // namespace media::ops
