#include "ngx_media_module/lookup/statement.hpp"

#include "core/encoding.hpp"
#include "ngx_media_module/cache/cache_record.hpp"
#include "ngx_media_module/lookup/question.hpp"
#include "ngx_media_module/lookup/record.hpp"
#include "ngx_media_module/lookup/session_row.hpp"

namespace media::nginx {
namespace {

std::unexpected<Error> too_large() {
  return fail(ErrorCode::internal, "the lookup returned texts that are too long");
}

}  // namespace

Result<EncodedAnswer> encode_record(const Row& row, const Question&, AnswerBuffer buffer) {
  RecordTexts texts;
  const auto record = parse_record(row, texts);
  if (!record) return std::unexpected(record.error());
  EncodedAnswer answer{.bytes = write_record(*record, buffer)};
  if (answer.bytes.empty()) return too_large();
  // What is under way changes soon, and often before a notification is due.
  answer.is_cacheable =
      record->status == DownloadStatus::completed || record->status == DownloadStatus::failed;
  if (const Column* const id = row.find("media_id")) answer.tag = tag_of(id_of(*id));
  return answer;
}

Result<EncodedAnswer> encode_session(const Row& row, const Question&, AnswerBuffer buffer) {
  const auto identity = parse_session(row);
  if (!identity) return std::unexpected(identity.error());
  EncodedAnswer answer{.bytes = write_identity(*identity, buffer)};
  if (answer.bytes.empty()) return too_large();
  answer.expires_at = identity->expires_at;
  answer.tag = tag_of(user_tag_text(identity->user));
  return answer;
}

Result<EncodedAnswer> encode_unrevoked(const Row& row, const Question& question, AnswerBuffer) {
  if (parse_is_revoked(row)) return fail(ErrorCode::unauthorized, "the token was revoked");
  const auto bytes = std::as_bytes(std::span(question.identity));
  const auto identity = read_identity(bytes);
  if (!identity) return fail(ErrorCode::internal, "there is no identity to keep");
  return EncodedAnswer{.bytes = bytes,
                       .expires_at = identity->expires_at,
                       .tag = tag_of(user_tag_text(identity->user))};
}

std::string user_tag_text(std::string_view user) { return "user:" + std::string(user); }

std::string token_tag_text(std::string_view token_sha256_hex) {
  return "token:" + std::string(token_sha256_hex);
}

CacheTag tag_of(std::string_view text) { return cache_tag(as_bytes(text)); }

std::optional<int> count_parameters(std::string_view sql) {
  int count = 0;
  for (auto at = sql.find('$'); at != std::string_view::npos; at = sql.find('$', at + 1)) {
    const auto digit = sql.substr(at + 1, 1);
    if (digit.empty() || digit[0] < '1' || digit[0] > '9') continue;
    const bool has_more = at + 2 < sql.size() && sql[at + 2] >= '0' && sql[at + 2] <= '9';
    if (has_more || digit[0] > '2') return std::nullopt;
    count = std::max(count, digit[0] - '0');
  }
  return count == 0 ? std::nullopt : std::optional(count);
}

}  // namespace media::nginx
