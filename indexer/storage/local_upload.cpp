#include "indexer/storage/local_upload.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "indexer/log.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/local_store.hpp"

namespace media::storage {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr std::time_t kStaleSeconds = 24 * 60 * 60;

/// What file systems without O_TMPFILE answer.
bool lacks_unnamed_files(int error_number) {
  return error_number == EOPNOTSUPP || error_number == EISDIR || error_number == EINVAL ||
         error_number == ENOENT;
}

struct TemporaryFile {
  UniqueFd fd;
  std::string name;
};

Result<TemporaryFile> open_named(int root) {
  auto directory = open_directory(root, kTemporaryDirectory, Missing::create, false);
  if (!directory) return std::unexpected(directory.error());
  std::string name = std::string(kTemporaryDirectory) + "/" + hex_encode(random_bytes(16));
  UniqueFd fd(
      ::openat(root, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!fd) return storage_failure("create a temporary file", errno);
  return TemporaryFile{std::move(fd), std::move(name)};
}

Result<TemporaryFile> open_temporary(int root, bool named) {
  if (named) return open_named(root);
  UniqueFd fd(::openat(root, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kFileMode));
  if (fd) return TemporaryFile{std::move(fd), {}};
  if (lacks_unnamed_files(errno)) return open_named(root);
  return storage_failure("create a temporary file", errno);
}

}  // namespace

LocalUpload::LocalUpload(UniqueFd root, UniqueFd file, std::string temporary_name)
    : root_(std::move(root)), file_(std::move(file)), temporary_name_(std::move(temporary_name)) {}

Result<std::unique_ptr<LocalUpload>> LocalUpload::create(UniqueFd root, bool named) {
  auto file = open_temporary(root.get(), named);
  if (!file) return std::unexpected(file.error());
  std::unique_ptr<LocalUpload> upload(
      new LocalUpload(std::move(root), std::move(file->fd), std::move(file->name)));
  // The umask must not keep nginx, another user of the group, from reading.
  if (::fchmod(upload->file_.get(), kFileMode) != 0) {
    return storage_failure("chmod a temporary file", errno);
  }
  return upload;
}

std::unique_ptr<LocalUpload> LocalUpload::of_file(UniqueFd root, UniqueFd file,
                                                  std::uint64_t size) {
  std::unique_ptr<LocalUpload> upload(new LocalUpload(std::move(root), std::move(file), {}));
  upload->size_ = size;
  return upload;
}

LocalUpload::~LocalUpload() {
  if (!temporary_name_.empty()) ::unlinkat(root_.get(), temporary_name_.c_str(), 0);
}

Result<void> LocalUpload::append(ByteView chunk) {
  while (!chunk.empty()) {
    const ssize_t written = ::write(file_.get(), chunk.data(), chunk.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      is_broken_ = true;
      return storage_failure("write to the store", errno);
    }
    size_ += static_cast<std::uint64_t>(written);
    chunk = chunk.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::size_t> LocalUpload::read(std::uint64_t offset, std::span<std::uint8_t> into) const {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const ssize_t count = ::pread(file_.get(), into.data() + filled, into.size() - filled,
                                  static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_failure("read a temporary file", errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  return filled;
}

Result<void> LocalUpload::sync() {
  if (is_broken_) return fail(ErrorCode::storage, "an earlier write to the file failed");
  return sync_fd(file_.get(), "the file");
}

Result<TakenKey> LocalUpload::link(int directory, const std::string& name) {
  return temporary_name_.empty() ? link_unnamed(directory, name) : link_named(directory, name);
}

Result<TakenKey> LocalUpload::link_unnamed(int directory, const std::string& name) {
  const std::string source = "/proc/self/fd/" + std::to_string(file_.get());
  if (::linkat(AT_FDCWD, source.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    return TakenKey::no;
  }
  if (errno == EEXIST) return TakenKey::yes;
  return storage_failure("link " + name, errno);
}

Result<TakenKey> LocalUpload::link_named(int directory, const std::string& name) {
  const char* source = temporary_name_.c_str();
  if (::renameat2(root_.get(), source, directory, name.c_str(), RENAME_NOREPLACE) == 0) {
    temporary_name_.clear();
    return TakenKey::no;
  }
  // NFS and others know no RENAME_NOREPLACE but have hard links.
  if (errno == EINVAL && ::linkat(root_.get(), source, directory, name.c_str(), 0) == 0) {
    return TakenKey::no;
  }
  if (errno == EEXIST) return TakenKey::yes;
  return storage_failure("rename to " + name, errno);
}

void remove_stale_temporaries(int root) {
  auto directory = open_directory(root, kTemporaryDirectory, Missing::fail, false);
  if (!directory || !*directory) return;
  const int fd = directory->get();
  const int listed_fd = ::dup(fd);
  if (listed_fd < 0) return;
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(listed_fd), &::closedir);
  if (!listing) return;
  const std::time_t oldest = std::time(nullptr) - kStaleSeconds;
  std::int64_t removed = 0;
  while (const dirent* entry = ::readdir(listing.get())) {
    struct stat status {};
    if (::fstatat(fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode) || status.st_mtime > oldest) continue;
    if (::unlinkat(fd, entry->d_name, 0) == 0) ++removed;
  }
  if (removed > 0) log::info("stale_temporaries_removed", {{"files", removed}});
}

}  // namespace media::storage
