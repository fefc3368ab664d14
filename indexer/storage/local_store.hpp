#pragma once

#include <memory>
#include <string>

#include <boost/asio/thread_pool.hpp>

#include "indexer/storage/blob_store.hpp"

namespace media::storage {

/// Name of the file that marks the root of a store: without it the directory
/// is taken for an unmounted disk and refused.
inline constexpr const char* kRootMarker = ".ngx_media_store";

/// Where temporary files with names live, below the root.
inline constexpr const char* kTemporaryDirectory = ".tmp";

struct LocalStoreOptions {
  /// Behaves as on a file system without O_TMPFILE.
  bool named_temporaries = false;
};

/// Files below `root`, written as unnamed temporary files of the same file
/// system (O_TMPFILE) and linked into place; file systems without that get a
/// named one under `.tmp/`. Blocking calls (fsync, link) run on `workers`.
/// Removes named temporaries older than a day that a crash left behind.
std::unique_ptr<BlobStore> make_local_store(std::string root, boost::asio::thread_pool& workers,
                                            LocalStoreOptions options = {});

/// Creates root and marker: `media-indexer init`. A marked root stays as it is.
Result<void> mark_store_root(const std::string& root);

}  // namespace media::storage
