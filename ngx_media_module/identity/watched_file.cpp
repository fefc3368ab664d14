#include "ngx_media_module/identity/watched_file.hpp"

#include <sys/stat.h>

#include "ngx_media_module/identity/key_file.hpp"

namespace media::nginx {

std::optional<WatchedFile::Version> WatchedFile::version_on_disk() const {
  struct stat info {};
  if (::stat(path_.c_str(), &info) != 0) return std::nullopt;
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  return Version{info.st_dev, info.st_ino, info.st_size,
                 info.st_ctim.tv_sec * kNanoseconds + info.st_ctim.tv_nsec};
}

Result<void> WatchedFile::read() {
  // The version first: what changes while it is read is read again.
  version_ = version_on_disk();
  const auto content = read_file(path_, kMaxSize);
  if (!content) return std::unexpected(content.error());
  auto used = use_(*content);
  if (!used) return fail(used.error().code, "key file \"" + path_ + "\": " + used.error().message);
  return used;
}

Result<bool> WatchedFile::refresh() {
  if (version_on_disk() == version_) return false;
  if (auto done = read(); !done) return std::unexpected(std::move(done.error()));
  return true;
}

}  // namespace media::nginx
