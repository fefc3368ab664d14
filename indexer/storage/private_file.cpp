#include "indexer/storage/private_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "indexer/storage/directory.hpp"

namespace media::storage {
namespace {

Result<void> write_all(int fd, const std::string& name, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return storage_failure("write " + name, errno);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<void> write_private_file(int directory, const std::string& name, std::string_view bytes) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  const UniqueFd fd(::openat(directory, name.c_str(), kFlags, 0600));
  if (!fd) return storage_failure("make " + name, errno);
  if (auto written = write_all(fd.get(), name, bytes); !written) return written;
  return sync_fd(fd.get(), name);
}

Result<void> replace_private_file(int directory, const std::string& name, std::string_view bytes) {
  const std::string draft = name + std::string(kDraftSuffix);
  auto written = write_private_file(directory, draft, bytes);
  if (written && ::renameat(directory, draft.c_str(), directory, name.c_str()) != 0) {
    written = storage_failure("rename " + draft, errno);
  }
  if (!written) {
    ::unlinkat(directory, draft.c_str(), 0);
    return written;
  }
  return sync_fd(directory, "the directory of " + name);
}

}  // namespace media::storage
