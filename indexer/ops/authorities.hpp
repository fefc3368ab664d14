#pragma once

#include <string>

#include "core/error.hpp"

namespace media::ops {

struct Authorities {
  int usable = 0;
  int expired = 0;
};

/// The file that downloads trust when none is configured; may be empty.
std::string system_authorities();

/// Counts the certificates of a PEM file. Error `storage`: it can't be read.
Result<Authorities> read_authorities(const std::string& path);

}  // namespace media::ops
