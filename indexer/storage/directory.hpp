#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"
#include "indexer/unique_fd.hpp"

namespace media::storage {

/// Error `storage` with the text of an errno value.
std::unexpected<Error> storage_failure(std::string_view doing, int error_number);

/// A storage key split at its last slash.
struct KeyPath {
  std::string directory;  ///< empty: the root itself
  std::string name;
};

/// Refuses keys that are not valid or whose first segment is hidden: those
/// belong to the store itself. Error `invalid_argument`.
Result<KeyPath> split_key(std::string_view key);

/// Opens the root of a store, verifying its marker.
Result<UniqueFd> open_root(const std::string& root);

enum class Missing { fail, create };

/// Opens `path` below `root` segment by segment, following no symbolic link;
/// no descriptor when it does not exist and shall not be created. Entries of
/// created segments are made durable, with `sync_path` those of all segments.
Result<UniqueFd> open_directory(int root, std::string_view path, Missing missing, bool sync_path);

Result<void> sync_fd(int fd, std::string_view what);

}  // namespace media::storage
