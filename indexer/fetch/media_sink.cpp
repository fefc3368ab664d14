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

std::string byte_counts(std::uint64_t got, std::uint64_t wanted) {
  return std::to_string(got) + " bytes instead of " + std::to_string(wanted);
}

}  // namespace

MediaSink::MediaSink(storage::BlobStore& store, MediaExpectation expectation)
    : store_(store), expectation_(std::move(expectation)) {}

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
  auto upload = store_.begin();
  if (!upload) return std::unexpected(upload.error());
  upload_ = std::move(*upload);
  return {};
}

Result<void> MediaSink::wrong_size(std::uint64_t size) const {
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
  if (!mime_type) return std::unexpected(mime_type.error());
  if (!is_allowed(expectation_.allowed_mime_types, *mime_type)) {
    return fail(ErrorCode::type_not_allowed, "the bucket does not take " + *mime_type);
  }
  // Only now: that a login page came says more than that its size is wrong.
  const auto announced = static_cast<std::uint64_t>(announced_);
  if (announced_ > 0 && expectation_.size && announced != *expectation_.size) {
    return wrong_size(announced);
  }
  mime_type_ = std::move(*mime_type);
  head_ = Bytes();
  return {};
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
  if (expectation_.size && received_ != *expectation_.size) {
    return std::unexpected(wrong_size(received_).error());
  }
  ReceivedMedia media;
  media.sha256 = hash_.finish();
  if (expectation_.sha256 && media.sha256 != *expectation_.sha256) {
    return fail(ErrorCode::hash_mismatch, "the SHA-256 is not the one that the provider named");
  }
  media.upload = std::move(upload_);
  media.size = received_;
  media.mime_type = std::move(mime_type_);
  return media;
}

}  // namespace media::fetch
