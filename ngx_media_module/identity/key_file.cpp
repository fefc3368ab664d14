#include "ngx_media_module/identity/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace media::nginx {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> unusable(const std::string& path, const std::string& why) {
  return fail(ErrorCode::invalid_argument, "key file \"" + path + "\" " + why);
}

std::unexpected<Error> unreadable(const std::string& path) {
  return unusable(path, std::string("can't be read: ") + std::strerror(errno));
}

bool is_white_space(std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

}  // namespace

Result<Bytes> read_file(const std::string& path, std::size_t max_size) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return unreadable(path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return unreadable(path);
  if (!S_ISREG(info.st_mode)) return unusable(path, "is not a regular file");
  if (static_cast<std::size_t>(info.st_size) > max_size) {
    return unusable(path, "has more than " + std::to_string(max_size) + " bytes");
  }
  Bytes bytes(static_cast<std::size_t>(info.st_size));
  const ssize_t count = ::read(file.get(), bytes.data(), bytes.size());
  if (count < 0) return unreadable(path);
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

Result<Bytes> secret_of(ByteView content, std::size_t min_size) {
  Bytes secret(content.begin(), content.end());
  while (!secret.empty() && is_white_space(secret.back())) secret.pop_back();
  if (secret.size() >= min_size) return secret;
  return fail(ErrorCode::invalid_argument, "holds a key of " + std::to_string(secret.size()) +
                                               " bytes, but " + std::to_string(min_size) +
                                               " are needed");
}

}  // namespace media::nginx
