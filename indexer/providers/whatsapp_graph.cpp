#include "indexer/providers/whatsapp_graph.hpp"

#include <optional>
#include <string>

#include "indexer/json.hpp"
#include "indexer/providers/digest.hpp"
#include "indexer/providers/whatsapp_payload.hpp"

namespace media::providers {
namespace {

using Verdict = ResolveAnswer::Verdict;

// developers.facebook.com: WhatsApp Cloud API error codes, Graph API errors.
std::optional<Verdict> verdict_of_code(std::int64_t code) {
  switch (code) {
    case 0:       // cannot authenticate
    case 190:     // access token expired, revoked, malformed
    case 3:       // capability missing
    case 10:      // permission missing
    case 131005:  // access denied
      return Verdict::refused;
    case 4:       // application request limit
    case 80007:   // WhatsApp Business Account rate limit
    case 130429:  // throughput
    case 131048:  // spam rate
    case 131056:  // pair rate
      return Verdict::rate_limited;
    case 1:       // unknown API error
    case 2:       // temporarily down
    case 131000:  // something went wrong
    case 131016:  // service unavailable
      return Verdict::retry;
    case 100:  // unknown id, or the account parameter does not fit
      return Verdict::bad_request;
    case 131008:  // parameter missing
    case 131009:  // parameter bad
      return Verdict::gone;
    default:
      if (code >= 200 && code <= 299) return Verdict::refused;  // permissions
      return std::nullopt;
  }
}

Verdict verdict_of_status(int status) {
  if (status == 401 || status == 403) return Verdict::refused;
  if (status == 429) return Verdict::rate_limited;
  if (status == 404 || status == 410) return Verdict::gone;
  if (status == 400) return Verdict::bad_request;
  return Verdict::retry;
}

ResolveAnswer read_error(int status, const Json& error) {
  ResolveAnswer answer;
  const auto code = error["code"].integer();
  answer.verdict = verdict_of_status(status);
  if (code) {
    answer.verdict = verdict_of_code(*code).value_or(
        error["is_transient"].is_true() ? Verdict::retry : answer.verdict);
  }
  // Not error.message: "Malformed access token EAA..." quotes the token.
  answer.message = "Graph answered " + std::to_string(status);
  if (code) answer.message += ", code " + std::to_string(*code);
  if (const auto sub = error["error_subcode"].integer()) {
    answer.message += ", subcode " + std::to_string(*sub);
  }
  return answer;
}

}  // namespace

ResolveAnswer read_graph_media(int status, std::string_view body, std::int64_t now) {
  const auto json = Json::parse(body);
  const Json object = json ? *json : Json();
  const Json error = object["error"];
  if (status != 200 || error.is_object()) return read_error(status, error);
  ResolveAnswer answer;
  answer.url = object["url"].text();
  if (answer.url.empty() || answer.url.size() > kMaxUrlSize) {
    answer.url.clear();
    answer.message = "Graph answered 200 without a usable url";
    return answer;
  }
  answer.verdict = Verdict::found;
  answer.url_expires_at = now + kWhatsAppUrlLifetime;
  answer.size = object["file_size"].integer();
  if (answer.size && *answer.size <= 0) answer.size.reset();
  answer.sha256 = parse_sha256(object["sha256"].text());
  return answer;
}

}  // namespace media::providers
