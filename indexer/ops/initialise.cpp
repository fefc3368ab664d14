#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/ingest/spool.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/storage/local_store.hpp"
#include "indexer/unique_fd.hpp"

namespace media::ops {
namespace {

Result<void> could_not(const std::string& what) {
  return fail(ErrorCode::storage, what + ": " + std::strerror(errno));
}

// Makes a file of 64 hexadecimal digits; one that is there stays as it is.
Result<void> ensure_key_file(const std::string& path) {
  const auto directory = std::filesystem::path(path).parent_path();
  std::error_code failure;
  if (!directory.empty()) std::filesystem::create_directories(directory, failure);
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST) {
    std::fprintf(stderr, "key file %s: kept\n", path.c_str());
    return {};
  }
  if (!file) return could_not("make key file " + path);
  const std::string key = hex_encode(random_bytes(32)) + "\n";
  const auto written = write(file.get(), key.data(), key.size());
  if (written != static_cast<ssize_t>(key.size()) || fsync(file.get()) != 0) {
    auto failed = could_not("write key file " + path);
    unlink(path.c_str());  // half a key must not be taken for a whole one
    return failed;
  }
  std::fprintf(stderr, "key file %s: made\n", path.c_str());
  return {};
}

}  // namespace

Result<std::string> initialise(const Config& config) {
  std::vector<std::string> key_files = {config.auth.jwt_key_file, config.secrets.key_file};
  for (const LinkKeyFile& key : config.links.keys) key_files.push_back(key.file);
  for (const std::string& path : key_files) {
    if (auto made = ensure_key_file(path); !made) return std::unexpected(made.error());
  }
  if (auto marked = storage::mark_store_root(config.storage.root); !marked) {
    return std::unexpected(marked.error());
  }
  if (auto made = ingest::open_spool_directory(config.spool.directory); !made) {
    return std::unexpected(made.error());
  }
  std::fprintf(stderr, "storage root %s: marked\n", config.storage.root.c_str());
  std::fprintf(stderr, "spool %s: ready\n", config.spool.directory.c_str());
  return std::string();
}

}  // namespace media::ops
