#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/encoding.hpp"
#include "indexer/config.hpp"
#include "indexer/unique_fd.hpp"

namespace media {
namespace {

constexpr std::size_t kMaxKeyFileSize = 65536;

std::string with_errno(const std::string& path) {
  return "can't read key file " + path + ": " + std::strerror(errno);
}

}  // namespace

Result<std::string> read_key_file(const std::string& path) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) {
    return fail(ErrorCode::not_found, with_errno(path) + "; `media-indexer init` makes it");
  }
  if ((status.st_mode & S_IRWXO) != 0) {
    return fail(ErrorCode::unauthorized,
                "key file " + path + " is open to everybody: chmod o-rwx " + path);
  }
  std::string key(kMaxKeyFileSize, '\0');
  const ssize_t size = read(file.get(), key.data(), key.size());
  if (size < 0) return fail(ErrorCode::storage, with_errno(path));
  key.resize(static_cast<std::size_t>(size));
  key.erase(key.find_last_not_of(" \t\r\n") + 1);
  if (key.empty()) return fail(ErrorCode::invalid_argument, "key file " + path + " is empty");
  return key;
}

Result<std::string> read_sealing_key(const std::string& path) {
  auto text = read_key_file(path);
  if (!text) return text;
  const auto key = hex_decode(*text);
  if (!key || key->size() != 32) {
    return fail(ErrorCode::invalid_argument,
                "key file " + path + " must hold 64 hexadecimal digits (openssl rand -hex 32)");
  }
  return std::string(key->begin(), key->end());
}

Result<LinkKey> read_link_key(const LinkKeyFile& key) {
  const auto text = read_key_file(key.file);
  if (!text) return std::unexpected(text.error());
  if (text->size() < kMinLinkKeySize) {
    return fail(ErrorCode::invalid_argument,
                "key file " + key.file + " holds fewer than 32 bytes (openssl rand -hex 32)");
  }
  return LinkKey{key.id, Bytes(text->begin(), text->end())};
}

Result<std::vector<LinkKey>> read_link_keys(const LinksConfig& links) {
  std::vector<LinkKey> keys;
  for (const LinkKeyFile& file : links.keys) {
    auto key = read_link_key(file);
    if (!key) return std::unexpected(key.error());
    keys.push_back(std::move(*key));
  }
  return keys;
}

}  // namespace media
