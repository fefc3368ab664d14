#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "indexer/storage/blob_store.hpp"
#include "indexer/unique_fd.hpp"

namespace media::storage {

/// Walks the files below a local store's root, one directory a step: memory grows
/// with the largest directory, not with the store. Neither the store's own files
/// nor what is no regular file is listed.
class LocalListing {
 public:
  LocalListing(std::string root, std::string_view prefix);

  bool is_done() const { return waiting_.empty(); }
  /// The files of the next directory. Blocks.
  Result<std::vector<ObjectInfo>> next();

 private:
  Result<UniqueFd> open(const std::string& directory) const;
  /// Takes one entry: a file into `found`, a directory to be walked later.
  Result<void> take(int directory, const std::string& path, const std::string& name,
                    std::vector<ObjectInfo>& found);
  bool may_hold_matches(std::string_view directory) const;

  const std::string root_;
  const std::string prefix_;
  std::vector<std::string> waiting_;  ///< directories, "" for the root, else "a/b/"
};

}  // namespace media::storage
