#include "core/error.hpp"

namespace media {

std::string_view name_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::expired:
      return "expired";
    case ErrorCode::gone:
      return "gone";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::rate_limited:
      return "rate_limited";
    case ErrorCode::network:
      return "network";
    case ErrorCode::blocked_address:
      return "blocked_address";
    case ErrorCode::too_large:
      return "too_large";
    case ErrorCode::empty:
      return "empty";
    case ErrorCode::truncated:
      return "truncated";
    case ErrorCode::size_mismatch:
      return "size_mismatch";
    case ErrorCode::hash_mismatch:
      return "hash_mismatch";
    case ErrorCode::type_not_allowed:
      return "type_not_allowed";
    case ErrorCode::unexpected_html:
      return "unexpected_html";
    case ErrorCode::unexpected_answer:
      return "unexpected_answer";
    case ErrorCode::unexpected_encoding:
      return "unexpected_encoding";
    case ErrorCode::type_mismatch:
      return "type_mismatch";
    case ErrorCode::active_content:
      return "active_content";
    case ErrorCode::executable:
      return "executable";
    case ErrorCode::malware:
      return "malware";
    case ErrorCode::unscanned:
      return "unscanned";
    case ErrorCode::scan_failed:
      return "scan_failed";
    case ErrorCode::storage:
      return "storage";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace media
