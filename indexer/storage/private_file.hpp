#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace media::storage {

/// Ends the name of a file that is being written.
inline constexpr std::string_view kDraftSuffix = ".draft";

/// A file for its owner only, synced; its entry in the directory is not. Error `storage`.
Result<void> write_private_file(int directory, const std::string& name, std::string_view bytes);

/// The name has all of the new bytes, or is as it was; durable once this returns. Error
/// `storage`: after it, either may hold.
Result<void> replace_private_file(int directory, const std::string& name, std::string_view bytes);

}  // namespace media::storage
