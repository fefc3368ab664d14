#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/storage/staging.hpp"

namespace media::fetch {

/// What the bytes of a media item must satisfy.
struct MediaExpectation {
  std::uint64_t max_bytes = 0;
  std::optional<std::uint64_t> size;   ///< as the provider said
  std::optional<Sha256Digest> sha256;  ///< as the provider said
  std::string declared_mime_type;
  std::string file_type;                        ///< image, video, audio, document
  std::vector<std::string> allowed_mime_types;  ///< "image/*" or full names; empty: any
};

/// Checked bytes, ready to be published.
struct ReceivedMedia {
  std::unique_ptr<storage::Upload> upload;
  Sha256Digest sha256{};
  std::uint64_t size = 0;
  std::string mime_type;
  /// Why nobody should see it: `active_content`, `executable`, `type_mismatch`.
  std::optional<Error> suspicion = {};
};

/// Takes a body piece by piece: hashes it, writes it to an upload and refuses
/// it as early as its first 4 KiB, its announced or its real size allow. What
/// really is what was sent, but is not what it claims, comes out as suspicious.
class MediaSink {
 public:
  MediaSink(storage::Staging& staging, MediaExpectation expectation);

  /// To be called before the first piece; -1: the size was not announced.
  Result<void> begin(std::int64_t content_length);
  Result<void> append(ByteView chunk);
  Result<ReceivedMedia> finish();

  std::uint64_t received() const { return received_; }

 private:
  Result<void> decide_type();
  Result<void> accept_type(std::string mime_type);
  Result<void> suspect(Error finding);
  Result<void> check_size(std::uint64_t size) const;
  Result<void> wrong_size(std::uint64_t size) const;
  Result<void> check_integrity(const Sha256Digest& digest) const;
  bool contradicts_announcement() const;

  storage::Staging& staging_;
  MediaExpectation expectation_;
  std::unique_ptr<storage::Upload> upload_;
  Sha256 hash_;
  std::uint64_t received_ = 0;
  std::int64_t announced_ = -1;
  Bytes head_;
  std::string mime_type_;  ///< empty until decided
  std::optional<Error> finding_;
};

}  // namespace media::fetch
