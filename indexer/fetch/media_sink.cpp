#include "indexer/fetch/media_sink.hpp"

#include <algorithm>

#include "core/media_type.hpp"

namespace media::fetch {
namespace {

bool is_allowed(const std::vector<std::string>& allowed, std::string_view mime_type) {
  return allowed.empty() || std::ranges::any_of(allowed, [&](std::string_view entry) {
           if (!entry.ends_with("/*")) return entry == mime_type;
           return mime_type.starts_with(entry.substr(0, entry.size() - 1));
         });
}

/// A server's answer in the place of the media.
bool is_answer(ErrorCode code) {
  return code == ErrorCode::unexpected_html || code == ErrorCode::unexpected_answer;
}

std::string byte_counts(std::uint64_t got, std::uint64_t wanted) {
  return std::to_string(got) + " bytes instead of " + std::to_string(wanted);
}

}  // namespace

MediaSink::MediaSink(storage::Staging& staging, MediaExpectation expectation)
    : staging_(staging), expectation_(std::move(expectation)) {}

Result<void> MediaSink::begin(std::int64_t content_length) {
  announced_ = content_length;
  if (content_length == 0) return fail(ErrorCode::empty, "the provider sent no bytes");
  if (content_length > 0) {
    const auto size = static_cast<std::uint64_t>(content_length);
    const bool is_contradiction = expectation_.size &&
                                  *expectation_.size <= expectation_.max_bytes &&
                                  size != *expectation_.size;
    // A length that contradicts the provider is a fault of this answer only.
    if (size > expectation_.max_bytes && is_contradiction) return wrong_size(size);
    if (auto checked = check_size(size); !checked) return checked;
  }
  auto upload = staging_.begin();
  if (!upload) return std::unexpected(upload.error());
  upload_ = std::move(*upload);
  return {};
}

// That an error page came says more than that its size is wrong.
Result<void> MediaSink::wrong_size(std::uint64_t size) const {
  if (finding_ && is_answer(finding_->code)) return std::unexpected(*finding_);
  return fail(ErrorCode::size_mismatch, byte_counts(size, *expectation_.size));
}

Result<void> MediaSink::check_size(std::uint64_t size) const {
  if (size <= expectation_.max_bytes) return {};
  return fail(ErrorCode::too_large, "more than the bucket's limit of " +
                                        std::to_string(expectation_.max_bytes) + " bytes");
}

Result<void> MediaSink::append(ByteView chunk) {
  received_ += chunk.size();
  if (auto checked = check_size(received_); !checked) return checked;
  if (mime_type_.empty()) {
    const auto wanted = std::min(chunk.size(), kSniffSize - head_.size());
    head_.insert(head_.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(wanted));
    if (head_.size() == kSniffSize) {
      if (auto decided = decide_type(); !decided) return decided;
    }
  }
  if (expectation_.size && received_ > *expectation_.size) {
    if (mime_type_.empty()) {
      if (auto decided = decide_type(); !decided) return decided;
    }
    return wrong_size(received_);
  }
  hash_.update(chunk);
  return upload_->append(chunk);
}

Result<void> MediaSink::decide_type() {
  auto mime_type = decide_mime_type(head_, expectation_.declared_mime_type, expectation_.file_type);
  const Result<void> decided =
      mime_type ? accept_type(std::move(*mime_type)) : suspect(std::move(mime_type.error()));
  if (!decided) return decided;
  if (contradicts_announcement()) return wrong_size(static_cast<std::uint64_t>(announced_));
  head_ = Bytes();
  return {};
}

Result<void> MediaSink::accept_type(std::string mime_type) {
  if (!is_allowed(expectation_.allowed_mime_types, mime_type)) {
    return fail(ErrorCode::type_not_allowed, "the bucket does not take " + mime_type);
  }
  mime_type_ = std::move(mime_type);
  return {};
}

// A page whose hash the provider vouches for is what somebody sent; others are
// what a server said, and not worth keeping.
Result<void> MediaSink::suspect(Error finding) {
  if (is_answer(finding.code) && !expectation_.sha256) return std::unexpected(std::move(finding));
  mime_type_ = sniff_mime_type(head_).value_or("application/octet-stream");
  finding_ = std::move(finding);
  return {};
}

bool MediaSink::contradicts_announcement() const {
  return announced_ > 0 && expectation_.size &&
         static_cast<std::uint64_t>(announced_) != *expectation_.size;
}

Result<void> MediaSink::check_integrity(const Sha256Digest& digest) const {
  if (expectation_.size && received_ != *expectation_.size) return wrong_size(received_);
  if (!expectation_.sha256 || digest == *expectation_.sha256) return {};
  if (finding_ && is_answer(finding_->code)) return std::unexpected(*finding_);
  return fail(ErrorCode::hash_mismatch, "the SHA-256 is not the one that the provider named");
}

Result<ReceivedMedia> MediaSink::finish() {
  if (received_ == 0) return fail(ErrorCode::empty, "the provider sent no bytes");
  if (announced_ > 0 && received_ < static_cast<std::uint64_t>(announced_)) {
    return fail(ErrorCode::truncated,
                byte_counts(received_, static_cast<std::uint64_t>(announced_)));
  }
  if (mime_type_.empty()) {
    if (auto decided = decide_type(); !decided) return std::unexpected(decided.error());
  }
  const Sha256Digest digest = hash_.finish();
  if (auto checked = check_integrity(digest); !checked) return std::unexpected(checked.error());
  if (finding_ && is_answer(finding_->code)) finding_->code = ErrorCode::active_content;
  return ReceivedMedia{std::move(upload_), digest, received_, std::move(mime_type_),
                       std::move(finding_)};
}

}  // namespace media::fetch
