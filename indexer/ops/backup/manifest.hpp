#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace media::backup {

inline constexpr std::int64_t kFormat = 1;
inline constexpr std::string_view kDatabaseDump = "database.dump";  ///< schema media
inline constexpr std::string_view kRegistryDump = "sqitch.dump";    ///< what is deployed
inline constexpr std::string_view kBlobList = "blobs.tsv";
inline constexpr std::string_view kAbsentList = "absent.tsv";  ///< see Manifest::absent

/// A file beside the manifest.
struct SnapshotFile {
  std::string name;
  std::uint64_t size = 0;
  std::string sha256;
};

/// Files named by rows, and the bytes of those.
struct Amount {
  std::int64_t files = 0;
  std::int64_t bytes = 0;

  void add(std::uint64_t size) {
    ++files;
    bytes += static_cast<std::int64_t>(size);
  }
  bool operator==(const Amount&) const = default;
};

/// What a snapshot is. Written last: without it there is none.
struct Manifest {
  std::string snapshot;       ///< "20261121T230501Z"
  std::int64_t taken_at = 0;  ///< Unix seconds: of all that is in it
  std::string program;        ///< its version
  std::int64_t schema_version = 0;
  std::vector<SnapshotFile> files;
  Amount named;     ///< by rows of the dump
  Amount contents;  ///< of these, each content once
  /// Contents that the snapshot has not: deleted while it was taken, or already missing
  /// or corrupt.
  std::int64_t deleted = 0;
  std::int64_t missing = 0;
  std::int64_t corrupt = 0;

  /// Null: there is none of that name.
  const SnapshotFile* find(std::string_view name) const;
};

std::string to_json(const Manifest& manifest);
/// Error `invalid_argument`; `conflict`: of a later version of this program.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace media::backup
