#include "indexer/ops/file_copier.hpp"

#include <memory>

#include "core/encoding.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

// What came of a file, against what its row says.
class Comparison {
 public:
  void add(ByteView chunk) {
    hash_.update(chunk);
    size_ += chunk.size();
  }

  Result<void> finish(const TrackedFile& file) {
    if (size_ != file.size) {
      return fail(ErrorCode::size_mismatch, "it has " + std::to_string(size_) +
                                                " bytes instead of " + std::to_string(file.size));
    }
    const auto digest = hash_.finish();
    if (digest == file.sha256) return {};
    return fail(ErrorCode::hash_mismatch,
                "its SHA-256 is " + hex_encode(digest) + " instead of " + hex_encode(file.sha256));
  }

 private:
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace

Result<void> verify_file(yield_context yield, storage::BlobStore& store, const std::string& key,
                         const TrackedFile& file) {
  Comparison comparison;
  const auto read = store.retrieve(yield, key, [&](ByteView chunk) -> Result<void> {
    comparison.add(chunk);
    return {};
  });
  if (!read) return read;
  return comparison.finish(file);
}

Result<std::string> FileCopier::copy(yield_context yield, const TrackedFile& file,
                                     const std::string& key) {
  rate_.take(yield, file.size);
  auto upload = staging_.begin();
  if (!upload) return std::unexpected(upload.error());
  Comparison comparison;
  const auto read = source_.retrieve(yield, file.key, [&](ByteView chunk) -> Result<void> {
    comparison.add(chunk);
    return (*upload)->append(chunk);
  });
  if (!read) return std::unexpected(read.error());
  if (auto same = comparison.finish(file); !same) return std::unexpected(same.error());
  storage::ObjectMetadata metadata;
  metadata.content_type = file.mime_type;
  metadata.file_name = file.file_name;
  metadata.account_id = file.account;
  metadata.sha256 = file.sha256;
  auto published = destination_.publish(yield, std::move(*upload), key, metadata);
  if (!published) return std::unexpected(published.error());
  return std::move(published->key);
}

}  // namespace media::ops
