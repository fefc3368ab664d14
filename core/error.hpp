#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace media {

/// Why something failed. The part before the blank line can end in a media
/// row (`media_files.last_error`), so its names are part of the API.
enum class ErrorCode {
  expired,              ///< the provider's URL or media id is past its lifetime
  gone,                 ///< the provider no longer has the media
  unauthorized,         ///< a token or signature was refused (ours or the provider's)
  rate_limited,         ///< the provider asked us to slow down
  network,              ///< connect, TLS, timeout, reset, 5xx: worth another try
  blocked_address,      ///< an URL pointed to an address or host that is not allowed
  too_large,            ///< over the bucket's or the request's limit
  empty,                ///< zero bytes
  truncated,            ///< fewer bytes than announced
  size_mismatch,        ///< not the size that the provider named
  hash_mismatch,        ///< not the SHA-256 that the provider named
  type_not_allowed,     ///< the bytes are not of a type that the bucket takes
  unexpected_html,      ///< a login or error page came instead of the media
  unexpected_answer,    ///< JSON or XML came instead of the media
  unexpected_encoding,  ///< compressed on the way though that was not asked for
  type_mismatch,        ///< the bytes are of another kind than the message says
  active_content,       ///< a page or script in the place of something else
  executable,           ///< a program
  malware,              ///< the virus scanner knows it
  unscanned,            ///< the virus scanner can't take it
  scan_failed,          ///< the virus scanner does not answer
  storage,              ///< disk or object store refused a read or write

  invalid_argument,  ///< malformed input; the message says what and where
  not_found,         ///< no such thing, or not for this tenant
  conflict,          ///< contradicts what is already there
  unavailable,       ///< a dependency (database, provider) does not answer now
  cancelled,         ///< the program is stopping
  internal,          ///< our own bug or an impossible answer of a dependency
};

/// Stable lower-case name of a code, as stored in the database and logged.
std::string_view name_of(ErrorCode code);

/// An expected failure. `message` is written for the operator or API client:
/// it names the offending value, never a secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  /// Prefixes the message with what was being done, on the way up.
  Error context(std::string_view doing) && {
    message.insert(0, std::string(doing) + ": ");
    return std::move(*this);
  }
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(ErrorCode code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace media
