#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "ngx_media_module/cache/shared_cache.hpp"
#include "ngx_media_module/lookup/row.hpp"

namespace media::nginx {

/// Answers are kept, and handed around, as the bytes of cache/cache_record.hpp.
struct EncodedAnswer {
  std::span<const std::byte> bytes;
  bool is_cacheable = true;
  std::optional<std::int64_t> expires_at = std::nullopt;  ///< Unix seconds
  /// What else, besides the question's own tag, invalidates the answer.
  std::optional<CacheTag> tag = std::nullopt;
};

using AnswerBuffer = std::span<std::byte, SharedCache::kMaxValueBytes>;

struct Question;

/// Reads the row and writes what is worth keeping. Errors: `internal`, for a row
/// that is not as agreed; `unauthorized`, for one that counts as none.
using AnswerEncoder = Result<EncodedAnswer> (*)(const Row& row, const Question& question,
                                                AnswerBuffer buffer);

/// $1, $2, ... of a statement.
using Parameters = std::array<std::string, 3>;

/// A kind of question to the database. Parameters are texts; each connection
/// prepares it once.
struct Statement {
  std::string sql;
  int parameters = 1;
  AnswerEncoder encode = nullptr;
  CachePart part = CachePart::records;
  std::string name;  ///< what log lines call it
  /// Asks the same about several at once: its parameter is an array of uuid, its
  /// rows say in `asked` which one, from 1. Null: there is no such statement.
  const Statement* many = nullptr;

  // Set when it is registered with the connections:
  std::size_t index = 0;
  std::uint64_t fingerprint = 0;  ///< part of cache keys: what is asked, and where
};

Result<EncodedAnswer> encode_record(const Row& row, const Question& question, AnswerBuffer buffer);
Result<EncodedAnswer> encode_session(const Row& row, const Question& question, AnswerBuffer buffer);
/// The identity in the question, unless its token was revoked.
Result<EncodedAnswer> encode_unrevoked(const Row& row, const Question& question,
                                       AnswerBuffer buffer);

/// The payloads of NOTIFY, and so the tags, of what answers depend on.
std::string user_tag_text(std::string_view user);
std::string token_tag_text(std::string_view token_sha256_hex);
CacheTag tag_of(std::string_view text);

/// How many parameters ($1, $2) a site's own query has; nothing when it has none,
/// or more than two.
std::optional<int> count_parameters(std::string_view sql);

}  // namespace media::nginx
