#include "indexer/storage/content.hpp"

#include <unistd.h>

#include <cerrno>
#include <memory>

#include "indexer/storage/directory.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

constexpr std::size_t kPiece = 256u << 10;

class ContentHash {
 public:
  void add(ByteView piece) {
    hash_.update(piece);
    size_ += piece.size();
  }
  Content finish() { return {size_, hash_.finish()}; }

 private:
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace

Result<Content> content_of(yield_context yield, BlobStore& store, std::string_view key) {
  ContentHash hash;
  const auto read = store.retrieve(yield, key, [&](ByteView piece) -> Result<void> {
    hash.add(piece);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return hash.finish();
}

Result<Content> copy_content(yield_context yield, BlobStore& from, std::string_view key,
                             Upload& to) {
  ContentHash hash;
  const auto read = from.retrieve(yield, key, [&](ByteView piece) {
    hash.add(piece);
    return to.append(piece);
  });
  if (!read) return std::unexpected(read.error());
  return hash.finish();
}

Result<void> read_file(int fd, const ByteSink& sink) {
  const auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(kPiece);
  for (off_t offset = 0;;) {
    const ssize_t count = ::pread(fd, piece.get(), kPiece, offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_failure("read a stored file", errno);
    if (count == 0) return {};
    offset += count;
    const ByteView bytes(piece.get(), static_cast<std::size_t>(count));
    if (auto taken = sink(bytes); !taken) return taken;
  }
}

Result<Content> content_of_file(int fd) {
  ContentHash hash;
  const auto read = read_file(fd, [&](ByteView piece) -> Result<void> {
    hash.add(piece);
    return {};
  });
  if (!read) return std::unexpected(read.error());
  return hash.finish();
}

}  // namespace media::storage
