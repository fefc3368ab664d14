#include "indexer/ops/file_copier.hpp"

#include <memory>

#include "core/encoding.hpp"
#include "indexer/storage/content.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using storage::Content;

// What came of a file, against what its row says.
Result<void> compare(const Content& found, const TrackedFile& file) {
  if (found.size != file.size) {
    return fail(ErrorCode::size_mismatch, "it has " + std::to_string(found.size) +
                                              " bytes instead of " + std::to_string(file.size));
  }
  if (found.sha256 == file.sha256) return {};
  return fail(ErrorCode::hash_mismatch, "its SHA-256 is " + hex_encode(found.sha256) +
                                            " instead of " + hex_encode(file.sha256));
}

}  // namespace

Result<void> verify_file(yield_context yield, storage::BlobStore& store, const std::string& key,
                         const TrackedFile& file) {
  const auto content = storage::content_of(yield, store, key);
  if (!content) return std::unexpected(content.error());
  return compare(*content, file);
}

Result<std::string> FileCopier::copy(yield_context yield, const TrackedFile& file,
                                     const std::string& key) {
  rate_.take(yield, file.size);
  auto upload = staging_.begin();
  if (!upload) return std::unexpected(upload.error());
  const auto content = storage::copy_content(yield, source_, file.key, **upload);
  if (!content) return std::unexpected(content.error());
  if (auto same = compare(*content, file); !same) return std::unexpected(same.error());
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
