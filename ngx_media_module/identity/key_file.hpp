#pragma once

#include <string>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media::nginx {

/// The content of a regular file. Errors (`invalid_argument`): it can't be read,
/// is no regular file, or has more than `max_size` bytes; the message names it.
Result<Bytes> read_file(const std::string& path, std::size_t max_size);

/// A secret as files hold it: white space at its end does not count. Error
/// (`invalid_argument`): it has fewer than `min_size` bytes.
Result<Bytes> secret_of(ByteView content, std::size_t min_size);

}  // namespace media::nginx
