#include "indexer/storage/quarantine.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "core/uuid.hpp"
#include "indexer/storage/directory.hpp"

namespace media::storage {
namespace {

constexpr mode_t kPrivate = 0700;
constexpr std::size_t kMaxListed = 100000;

Result<std::string> checked_name(std::string_view name) {
  const auto id = Uuid::parse(name);
  if (!id) return fail(ErrorCode::invalid_argument, "not a name of something in quarantine");
  return id->to_string();
}

/// No descriptor when there is none and none shall be made.
Result<UniqueFd> open_quarantine(int root, Missing missing) {
  auto directory = open_directory(root, kQuarantineDirectory, missing, missing == Missing::create);
  if (!directory || !*directory) return directory;
  struct stat status {};
  if (::fstat(directory->get(), &status) != 0) return storage_failure("stat quarantine", errno);
  if ((status.st_mode & 07777) != kPrivate && ::fchmod(directory->get(), kPrivate) != 0) {
    return storage_failure("chmod quarantine", errno);
  }
  return directory;
}

Result<void> unlink_if_there(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return storage_failure("remove from quarantine", errno);
}

}  // namespace

Result<void> put_into_quarantine(LocalUpload& upload, std::string_view name) {
  const auto id = checked_name(name);
  if (!id) return std::unexpected(id.error());
  if (auto synced = upload.sync(); !synced) return synced;
  const auto directory = open_quarantine(upload.root(), Missing::create);
  if (!directory) return std::unexpected(directory.error());
  // An attempt that was killed before it was recorded may have left one.
  if (auto removed = unlink_if_there(directory->get(), *id); !removed) return removed;
  const auto taken = upload.link(directory->get(), *id);
  if (!taken) return std::unexpected(taken.error());
  if (*taken == TakenKey::yes) return fail(ErrorCode::storage, "the name in quarantine is taken");
  return sync_fd(directory->get(), kQuarantineDirectory);
}

Result<std::unique_ptr<LocalUpload>> open_in_quarantine(UniqueFd root, std::string_view name) {
  const auto id = checked_name(name);
  if (!id) return std::unexpected(id.error());
  const auto directory = open_quarantine(root.get(), Missing::fail);
  if (!directory) return std::unexpected(directory.error());
  UniqueFd file(*directory ? ::openat(directory->get(), id->c_str(),
                                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
                           : -1);
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return fail(ErrorCode::not_found, "there are no bytes in quarantine for " + *id);
  }
  return LocalUpload::of_file(std::move(root), std::move(file),
                              static_cast<std::uint64_t>(status.st_size));
}

Result<void> remove_from_quarantine(int root, std::string_view name) {
  const auto id = checked_name(name);
  if (!id) return std::unexpected(id.error());
  const auto directory = open_quarantine(root, Missing::fail);
  if (!directory) return std::unexpected(directory.error());
  return *directory ? unlink_if_there(directory->get(), *id) : Result<void>();
}

Result<std::vector<std::string>> list_quarantine(int root, std::chrono::seconds min_age) {
  std::vector<std::string> names;
  auto directory = open_quarantine(root, Missing::fail);
  if (!directory) return std::unexpected(directory.error());
  if (!*directory) return names;
  std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(directory->release()), &::closedir);
  if (!listing) return storage_failure("list quarantine", errno);
  const std::time_t youngest = std::time(nullptr) - min_age.count();
  while (const dirent* entry = names.size() < kMaxListed ? ::readdir(listing.get()) : nullptr) {
    struct stat status {};
    if (::fstatat(::dirfd(listing.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(status.st_mode) || status.st_mtime > youngest || !Uuid::parse(entry->d_name)) {
      continue;
    }
    names.emplace_back(entry->d_name);
  }
  return names;
}

}  // namespace media::storage
