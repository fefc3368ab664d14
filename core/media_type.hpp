#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media {

/// How many leading bytes of a file sniffing wants to see; fewer are fine.
inline constexpr std::size_t kSniffSize = 4096;

/// The MIME type that the bytes themselves show (magic numbers, ISO BMFF
/// brands, RIFF forms, EBML doctypes), or nothing when no signature matches.
/// HTML is recognised as "text/html" (WHATWG MIME Sniffing section 7.1).
std::optional<std::string_view> sniff_mime_type(ByteView head);

/// "audio/ogg; codecs=opus" -> "audio/ogg": lower case, without parameters or
/// white space. Empty for "", "*/*" and whatever is not of the form type/subtype.
std::string mime_essence(std::string_view declared);

/// image, video, audio or document, from a MIME essence.
std::string_view file_type_of(std::string_view mime);

/// Usual file name extension without the dot; "bin" when unknown.
std::string_view extension_of(std::string_view mime);

/// Whether a browser may render the type in the site's origin. Everything else
/// is served as an attachment.
bool is_inline_safe(std::string_view mime);

/// Whether the type is a program, for whatever machine.
bool is_executable(std::string_view mime);

/// Decides under which type received bytes are stored. `declared` is what the
/// provider said, `file_type` the kind of message it came in (image, video,
/// audio, document). Bytes decide; what was declared must agree in kind.
/// Errors: `unexpected_html`, `unexpected_answer` (the answer of a server, if
/// nobody vouches for the bytes), `active_content`, `executable`, `type_mismatch`.
Result<std::string> decide_mime_type(ByteView head, std::string_view declared,
                                     std::string_view file_type);

}  // namespace media
