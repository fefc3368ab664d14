#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/thread_pool.hpp>

#include "indexer/storage/blob_store.hpp"
#include "indexer/storage/staging.hpp"

namespace media::storage {

/// Name of the file that marks the root of a store: without it the directory
/// is taken for an unmounted disk and refused.
inline constexpr const char* kRootMarker = ".ngx_media_store";

/// Where temporary files with names live, below the root.
inline constexpr const char* kTemporaryDirectory = ".tmp";

/// Name of the store below the root in rows and settings.
inline constexpr std::string_view kLocalStoreName = "local";

struct LocalStagingOptions {
  /// Behaves as on a file system without O_TMPFILE.
  bool named_temporaries = false;
};

/// Uploads are unnamed temporary files of the root's file system (O_TMPFILE), so
/// that the local store links them into place; file systems without that get
/// named ones under `.tmp/`. Blocking calls (fsync, link) run on `workers`.
/// Removes named temporaries older than a day that a crash left behind.
std::unique_ptr<Staging> make_local_staging(std::string root, boost::asio::thread_pool& workers,
                                            LocalStagingOptions options = {});

/// Files below `root`, which takes uploads of the staging area of the same root.
std::unique_ptr<BlobStore> make_local_store(std::string root, boost::asio::thread_pool& workers);

/// Creates root and marker: `media-indexer init`. A marked root stays as it is.
Result<void> mark_store_root(const std::string& root);

}  // namespace media::storage
