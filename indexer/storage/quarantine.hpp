#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "indexer/storage/local_upload.hpp"

namespace media::storage {

/// Where a local store keeps what nobody should see, below its root: a
/// directory for the daemon's user alone, which no storage key can name.
inline constexpr const char* kQuarantineDirectory = ".quarantine";

/// Makes the bytes durable in quarantine. Names are UUIDs in text; error
/// `invalid_argument` for others.
Result<void> put_into_quarantine(LocalUpload& upload, std::string_view name);

/// The file as an upload, to be published. Error `not_found`.
Result<std::unique_ptr<LocalUpload>> open_in_quarantine(UniqueFd root, std::string_view name);

/// One that is absent is no error.
Result<void> remove_from_quarantine(int root, std::string_view name);

/// What was put there longer ago than `min_age`, at most 100000 names.
Result<std::vector<std::string>> list_quarantine(int root, std::chrono::seconds min_age);

}  // namespace media::storage
