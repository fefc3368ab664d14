#include "indexer/storage/s3_keys.hpp"

#include <sys/stat.h>

#include "indexer/log.hpp"

namespace media::storage {

S3Keys::S3Keys(const S3StoreConfig& settings) : store_(settings.name), path_(settings.key_file) {
  if (path_.empty()) credentials_ = S3Credentials{settings.access_key, settings.secret_key, {}};
}

std::optional<S3Keys::Version> S3Keys::version_on_disk() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return std::nullopt;
  return Version{status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

Result<S3Credentials> S3Keys::current() {
  if (path_.empty()) return *credentials_;
  const auto version = version_on_disk();
  if (credentials_ && version == seen_) return *credentials_;
  const auto text = read_key_file(path_);
  auto read = text ? parse_s3_credentials(*text) : std::unexpected(text.error());
  if (read) {
    credentials_ = std::move(*read);
  } else if (!credentials_) {
    return fail(ErrorCode::storage, "key file " + path_ + ": " + read.error().message);
  } else if (version != seen_) {
    log::warn("s3_key_file_refused", {{"store", store_}, {"error", read.error().message}});
  }
  seen_ = version;
  return *credentials_;
}

}  // namespace media::storage
