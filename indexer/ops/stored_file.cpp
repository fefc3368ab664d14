#include "indexer/ops/stored_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/storage/directory.hpp"

namespace media::ops {
namespace {

constexpr std::string_view kLocalStore = "local";
constexpr std::size_t kPiece = 1 << 18;

/// Follows no link on the way. No descriptor: it is not there.
Result<UniqueFd> open_stored(const std::string& root, std::string_view key) {
  const auto path = storage::split_key(key);
  if (!path) return std::unexpected(path.error());
  const auto top = storage::open_root(root);
  if (!top) return std::unexpected(top.error());
  const auto directory =
      storage::open_directory(top->get(), path->directory, storage::Missing::fail, false);
  if (!directory) return std::unexpected(directory.error());
  if (!*directory) return UniqueFd();
  UniqueFd file(::openat(directory->get(), path->name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file && errno != ENOENT) return storage::storage_failure("open", errno);
  return file;
}

Result<std::string> hash_of(int fd) {
  Sha256 hash;
  std::vector<std::uint8_t> piece(kPiece);
  for (;;) {
    const ssize_t count = ::read(fd, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage::storage_failure("read", errno);
    if (count == 0) return hex_encode(hash.finish());
    hash.update(ByteView(piece.data(), static_cast<std::size_t>(count)));
  }
}

FileReport compare(int fd, const StoredFile& file, bool read_all, FileReport report) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    report.detail = "not a regular file";
    return report;
  }
  if (status.st_size != file.size) {
    report.state = FileState::wrong_size;
    report.detail =
        std::to_string(status.st_size) + " bytes instead of " + std::to_string(file.size);
    return report;
  }
  report.state = FileState::present;
  if (!read_all) return report;
  const auto hash = hash_of(fd);
  if (!hash) {
    report.state = FileState::unreadable;
    report.detail = hash.error().message;
  } else if (*hash != file.sha256) {
    report.state = FileState::wrong_content;
    report.detail = "its SHA-256 is " + *hash;
  }
  return report;
}

}  // namespace

std::string_view name_of(FileState state) {
  constexpr std::array<std::string_view, 6> kNames = {"present",       "missing",    "wrong_size",
                                                      "wrong_content", "unreadable", "other_store"};
  return kNames.at(static_cast<std::size_t>(state));
}

FileReport look_at(const std::string& root, const StoredFile& file, bool read_all) {
  if (file.store != kLocalStore) return {FileState::other_store, "", "not a store of this host"};
  FileReport report{FileState::unreadable, root + '/' + file.key, ""};
  const auto opened = open_stored(root, file.key);
  if (!opened) {
    report.detail = opened.error().message;
    return report;
  }
  if (!*opened) {
    report.state = FileState::missing;
    return report;
  }
  return compare(opened->get(), file, read_all, std::move(report));
}

}  // namespace media::ops
