#pragma once

#include <string>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media::nginx {

/// The key in a file: its bytes without white space at the end. Errors:
/// `invalid_argument`, naming the file, when it can't be read, is no regular
/// file, or holds fewer than `min_size` bytes.
Result<Bytes> read_key_file(const std::string& path, std::size_t min_size);

}  // namespace media::nginx
