#include "indexer/storage/local_listing.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/storage_key.hpp"
#include "indexer/storage/directory.hpp"

namespace media::storage {
namespace {

/// "a/b" of the prefix "a/b/c": where the walk begins.
std::string deepest_directory(std::string_view prefix) {
  const std::size_t slash = prefix.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(prefix.substr(0, slash + 1));
}

}  // namespace

LocalListing::LocalListing(std::string root, std::string_view prefix)
    : root_(std::move(root)), prefix_(prefix), waiting_{deepest_directory(prefix)} {}

Result<UniqueFd> LocalListing::open(const std::string& directory) const {
  const auto root = open_root(root_);
  if (!root) return std::unexpected(root.error());
  if (directory.empty()) return open_directory(root->get(), "", Missing::fail, false);
  const std::string_view path = std::string_view(directory).substr(0, directory.size() - 1);
  if (!is_valid_storage_key(path) || is_reserved_storage_key(path)) return UniqueFd();
  return open_directory(root->get(), path, Missing::fail, false);
}

Result<std::vector<ObjectInfo>> LocalListing::next() {
  const std::string path = std::move(waiting_.back());
  waiting_.pop_back();
  std::vector<ObjectInfo> found;
  auto directory = open(path);
  if (!directory) return std::unexpected(directory.error());
  if (!*directory) return found;
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(directory->release()), &::closedir);
  if (!listing) return storage_failure("list " + path, errno);
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr) break;
    if (auto taken = take(::dirfd(listing.get()), path, entry->d_name, found); !taken) {
      return std::unexpected(taken.error());
    }
  }
  if (errno != 0) return storage_failure("list " + path, errno);
  return found;
}

Result<void> LocalListing::take(int directory, const std::string& path, const std::string& name,
                                std::vector<ObjectInfo>& found) {
  const std::string key = path + name;
  if (!is_valid_storage_key(key) || is_reserved_storage_key(key)) return {};
  struct stat status {};
  if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};  // removed at this moment
    return storage_failure("stat " + key, errno);
  }
  if (S_ISDIR(status.st_mode)) {
    if (may_hold_matches(key + "/")) waiting_.push_back(key + "/");
  } else if (S_ISREG(status.st_mode) && key.starts_with(prefix_)) {
    found.push_back({key, static_cast<std::uint64_t>(status.st_size), status.st_mtime, {}, {}});
  }
  return {};
}

bool LocalListing::may_hold_matches(std::string_view directory) const {
  return directory.starts_with(prefix_) || std::string_view(prefix_).starts_with(directory);
}

}  // namespace media::storage
