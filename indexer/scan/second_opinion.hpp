#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media::scan {

/// How many leading bytes libmagic gets to see.
inline constexpr std::size_t kOpinionSize = 64u << 10;

/// The MIME type that libmagic takes bytes for. Blocks, and may be slow: not for
/// the loop's thread. Error `internal`: its database can't be loaded.
Result<std::string> libmagic_type(ByteView head);

/// Whether that makes a document suspicious that our own signatures let pass as
/// what it was declared to be.
std::optional<Error> judge_opinion(std::string_view opinion, std::string_view declared);

}  // namespace media::scan
