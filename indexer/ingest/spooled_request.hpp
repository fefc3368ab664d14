#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "indexer/http/message.hpp"

namespace media::ingest {

/// A webhook request that waits for the database.
struct SpooledRequest {
  http::Request request;
  std::string account_id;        ///< whose secret has vouched for it
  std::int64_t received_at = 0;  ///< Unix seconds
};

/// The bytes of its file, without the headers that hold credentials of others:
/// a line with length and SHA-256 of the rest, which is netstrings.
std::string encode(const SpooledRequest& spooled);

/// Error `truncated` or `hash_mismatch`: the file is not whole.
Result<SpooledRequest> decode(std::string_view file);

}  // namespace media::ingest
