#include "indexer/ops/advice.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/error.hpp"

namespace media::ops {
namespace {

constexpr Advice kWrongBytes = {
    "What the provider sent is not what it had announced, more than once.",
    "`media-indexer retry` later; if it stays so, ask the sender to send it again."};

constexpr Advice kWrongAnswer = {
    "The host answered with something else than the media: a login or an error page, as a rule.",
    "See whether the account's credential is good; then `media-indexer retry`."};

constexpr Advice kSuspicious = {
    "The bytes could harm who looks at them, and are in the quarantine.",
    "`media-indexer quarantine list`, then `release` or `delete`."};

constexpr auto kAdvice = std::to_array<std::pair<ErrorCode, Advice>>({
    {ErrorCode::expired,
     {"The provider keeps media, or its URL, for a limited time only, which was over before the "
      "download.",
      "It is lost there: ask the sender to send it again. Why it took so long, the events and "
      "`media-indexer doctor` tell."}},
    {ErrorCode::gone,
     {"The provider does not have it any more, or never had it under this id.",
      "Ask the sender to send it again."}},
    {ErrorCode::unauthorized,
     {"The provider refused the account's credential.",
      "Give it a new one with `media-indexer account set`: what waits for it is tried at once."}},
    {ErrorCode::rate_limited,
     {"The provider asked us to slow down.",
      "Nothing, it is tried again. If it happens often: fewer [fetch] concurrency."}},
    {ErrorCode::network,
     {"The provider could not be reached, broke off, or answered with an error of its own.",
      "Nothing while attempts are left. If it concerns all media: DNS, firewall, proxy, [fetch] "
      "ca_file."}},
    {ErrorCode::blocked_address,
     {"The URL led to a host or address where no download may go.",
      "If the host is the provider's, name it in providers.NAME.media_hosts or redirect_hosts."}},
    {ErrorCode::too_large,
     {"It is larger than its bucket takes.",
      "Raise max_bytes in media.buckets or media.size_limits, then `media-indexer retry`."}},
    {ErrorCode::empty, kWrongBytes},
    {ErrorCode::truncated, kWrongBytes},
    {ErrorCode::size_mismatch, kWrongBytes},
    {ErrorCode::hash_mismatch, kWrongBytes},
    {ErrorCode::unexpected_html, kWrongAnswer},
    {ErrorCode::unexpected_answer, kWrongAnswer},
    {ErrorCode::unexpected_encoding,
     {"The host compressed the media, which it was asked not to do.",
      "Nothing here mends that: ask the sender to send it another way."}},
    {ErrorCode::type_mismatch, kSuspicious},
    {ErrorCode::active_content, kSuspicious},
    {ErrorCode::executable, kSuspicious},
    {ErrorCode::malware, kSuspicious},
    {ErrorCode::unscanned, kSuspicious},
    {ErrorCode::scan_failed,
     {"The virus scanner did not answer, and nothing is shown unscanned.",
      "`media-indexer check` tells about clamd. It is tried again by itself."}},
    {ErrorCode::type_not_allowed,
     {"The bytes are of a type that the bucket does not take.",
      "If it should: allowed_mime_types in media.buckets, then `media-indexer retry`."}},
    {ErrorCode::storage,
     {"The store could not be written.",
      "Space, rights, mount: `media-indexer check`. It is tried again by itself."}},
    {ErrorCode::unavailable,
     {"Something that is needed, such as the database, did not answer.",
      "`media-indexer doctor`. It is tried again by itself."}},
});

/// Reasons that no download ends with: what fsck finds.
constexpr auto kLost = std::to_array<std::pair<std::string_view, Advice>>({
    {"missing",
     {"The bytes were stored, and are not there any more.",
      "`media-indexer fsck` tells what else is missing; a backup may have them. What the provider "
      "still has is downloaded again by itself."}},
    {"corrupt",
     {"The stored bytes have changed: the disk or who may write to it did that.",
      "`media-indexer fsck --checksum` looks at the others. What the provider still has is "
      "downloaded again by itself."}},
});

constexpr Advice kUnknown = {"An error that should not be.",
                             "See the daemon's log of that time, and report it."};

}  // namespace

Advice advice_for(std::string_view error) {
  const std::string_view reason = error.substr(0, error.find(':'));
  const auto* found = std::ranges::find_if(
      kAdvice, [&](const auto& entry) { return name_of(entry.first) == reason; });
  if (found != kAdvice.end()) return found->second;
  const auto* lost = std::ranges::find(kLost, reason, &std::pair<std::string_view, Advice>::first);
  return lost == kLost.end() ? kUnknown : lost->second;
}

}  // namespace media::ops
