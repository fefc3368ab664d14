#include "indexer/storage/directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/storage_key.hpp"
#include "indexer/storage/local_store.hpp"

namespace media::storage {
namespace {

constexpr mode_t kDirectoryMode = 0750;
constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// The mode must not depend on the umask: nginx reads as another user of the
/// group. A set-group-id bit inherited from the parent stays.
Result<void> fix_mode(int fd, std::string_view name) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return storage_failure("stat " + std::string(name), errno);
  const mode_t wanted = (status.st_mode & S_ISGID) | kDirectoryMode;
  if ((status.st_mode & 07777) == wanted) return {};
  if (::fchmod(fd, wanted) != 0) return storage_failure("chmod " + std::string(name), errno);
  return {};
}

struct Segment {
  UniqueFd fd;
  bool is_new = false;
};

Result<Segment> open_segment(int parent, const std::string& name, Missing missing) {
  UniqueFd fd(::openat(parent, name.c_str(), kOpenDirectory));
  if (fd) return Segment{std::move(fd)};
  if (errno != ENOENT) return storage_failure("open directory " + name, errno);
  if (missing == Missing::fail) return Segment{};

  const bool created = ::mkdirat(parent, name.c_str(), kDirectoryMode) == 0;
  if (!created && errno != EEXIST) return storage_failure("create directory " + name, errno);
  fd = UniqueFd(::openat(parent, name.c_str(), kOpenDirectory));
  if (!fd) return storage_failure("open directory " + name, errno);
  if (created) {
    if (auto fixed = fix_mode(fd.get(), name); !fixed) return std::unexpected(fixed.error());
  }
  return Segment{std::move(fd), created};
}

}  // namespace

std::unexpected<Error> storage_failure(std::string_view doing, int error_number) {
  return fail(
      ErrorCode::storage,
      std::string(doing) + ": " + std::error_code(error_number, std::system_category()).message());
}

Result<KeyPath> split_key(std::string_view key) {
  if (!is_valid_storage_key(key) || is_reserved_storage_key(key)) {
    return fail(ErrorCode::invalid_argument, "not a usable storage key");
  }
  const std::size_t slash = key.rfind('/');
  if (slash == std::string_view::npos) return KeyPath{"", std::string(key)};
  return KeyPath{std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

Result<UniqueFd> open_root(const std::string& root) {
  UniqueFd fd(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return storage_failure("open store " + root, errno);
  struct stat marker {};
  if (::fstatat(fd.get(), kRootMarker, &marker, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) return storage_failure("stat " + root + "/" + kRootMarker, errno);
    return fail(ErrorCode::storage, root + " has no " + kRootMarker +
                                        ": the disk is not mounted, or `media-indexer init` "
                                        "was never run for it");
  }
  return fd;
}

Result<UniqueFd> open_directory(int root, std::string_view path, Missing missing, bool sync_path) {
  UniqueFd parent(::openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return storage_failure("open the store's root", errno);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string name(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);

    auto segment = open_segment(parent.get(), name, missing);
    if (!segment) return std::unexpected(segment.error());
    if (!segment->fd) return UniqueFd{};
    if (segment->is_new || sync_path) {
      if (auto synced = sync_fd(parent.get(), "directory above " + name); !synced) {
        return std::unexpected(synced.error());
      }
    }
    parent = std::move(segment->fd);
  }
  return parent;
}

Result<void> sync_fd(int fd, std::string_view what) {
  if (::fsync(fd) != 0) return storage_failure("fsync " + std::string(what), errno);
  return {};
}

}  // namespace media::storage
