#include "indexer/ops/backup/archive.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>

#include "indexer/ops/backup/child_process.hpp"
#include "indexer/ops/backup/operator_session.hpp"
#include "indexer/storage/content.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/local_store.hpp"

namespace media::backup {
namespace {

constexpr std::string_view kStorePrefix = "store:";
constexpr std::string_view kBlobs = "blobs/";
constexpr std::string_view kSnapshots = "snapshots/";
constexpr std::string_view kManifest = "manifest.json";
constexpr const char* kLockFile = ".lock";
constexpr std::size_t kMaxManifest = 1 << 20;
constexpr std::size_t kSnapshotName = 16;

std::string snapshot_key(std::string_view snapshot, std::string_view file) {
  return std::string(kSnapshots) + std::string(snapshot) + "/" + std::string(file);
}

bool is_snapshot_name(std::string_view name) {
  constexpr std::string_view kShape = "ddddddddTddddddZ";
  static_assert(kShape.size() == kSnapshotName);
  return std::ranges::equal(name, kShape, [](char c, char shape) {
    return shape == 'd' ? c >= '0' && c <= '9' : c == shape;
  });
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto [end, rest] = std::ranges::mismatch(directory, path);
  return end == directory.end();
}

Result<void> write_all(int file, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage::storage_failure("write a temporary file", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace

std::string blob_key(std::string_view sha256) {
  const std::string hex(sha256);
  return std::string(kBlobs) + hex.substr(0, 2) + "/" + hex.substr(2, 2) + "/" + hex;
}

std::string sha256_of_key(std::string_view key) {
  const std::string name(key.substr(key.rfind('/') + 1));
  return name.size() == 64 && hex_decode(name) && key == blob_key(name) ? name : std::string();
}

std::string snapshot_name(std::int64_t unix_seconds) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  gmtime_r(&time, &utc);
  std::array<char, kSnapshotName + 1> name{};
  std::strftime(name.data(), name.size(), "%Y%m%dT%H%M%SZ", &utc);
  return name.data();
}

Result<std::unique_ptr<Archive>> Archive::open(const std::string& where, Purpose purpose,
                                               const Config& config,
                                               boost::asio::thread_pool& workers,
                                               storage::Stores& stores) {
  std::unique_ptr<Archive> archive(new Archive());
  archive->temporaries_ = config.storage.root;
  const auto opened = where.starts_with(kStorePrefix)
                          ? archive->use_store(where.substr(kStorePrefix.size()), config, stores)
                          : archive->open_directory(where, purpose, config, workers);
  if (!opened) return std::unexpected(opened.error());
  return archive;
}

Result<void> Archive::open_directory(const std::string& path, Purpose purpose, const Config& config,
                                     boost::asio::thread_pool& workers) {
  std::error_code failure;
  const auto absolute = std::filesystem::weakly_canonical(path, failure);
  if (failure) return storage::storage_failure("find " + path, failure.value());
  directory_ = absolute.string();
  if (is_inside(absolute, std::filesystem::weakly_canonical(config.storage.root, failure))) {
    return fail(ErrorCode::conflict, directory_ + " is inside of the storage root");
  }
  if (purpose == Purpose::write && !std::filesystem::exists(absolute)) {
    std::filesystem::create_directories(absolute.parent_path(), failure);
    // Nobody else is to read what people wrote.
    if (::mkdir(directory_.c_str(), 0700) != 0) {
      return storage::storage_failure("make " + directory_, errno);
    }
    if (auto marked = storage::mark_store_root(directory_); !marked) return marked;
  }
  const auto root = storage::open_root(directory_);
  if (!root) {
    return fail(root.error().code,
                root.error().message + ". Backups begin in a directory that is not there yet");
  }
  if (auto locked = lock(purpose); !locked) return locked;
  own_staging_ = storage::make_local_staging(directory_, workers);
  own_store_ = storage::make_local_store(directory_, workers);
  staging_ = own_staging_.get();
  store_ = own_store_.get();
  return {};
}

Result<void> Archive::use_store(const std::string& name, const Config& config,
                                storage::Stores& stores) {
  store_ = stores.find(name);
  if (store_ == nullptr) {
    return fail(ErrorCode::not_found, "the configuration has no store '" + name + "'");
  }
  const bool has_media = name == storage::kLocalStoreName || name == config.storage.default_store ||
                         std::ranges::any_of(config.storage.by_bucket, [&](const auto& bucket) {
                           return bucket.second == name;
                         });
  if (has_media) {
    return fail(ErrorCode::conflict,
                "the store '" + name + "' is for media: backups need their own");
  }
  staging_ = &stores.staging();
  return {};
}

// Of a disk that can only be read, nobody has to be kept out.
Result<void> Archive::lock(Purpose purpose) {
  if (purpose == Purpose::look) return {};
  const std::string path = directory_ + "/" + kLockFile;
  lock_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!lock_) {
    return purpose == Purpose::read ? Result<void>()
                                    : storage::storage_failure("open " + path, errno);
  }
  const int kind = purpose == Purpose::write ? LOCK_EX : LOCK_SH;
  if (::flock(lock_.get(), kind | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return storage::storage_failure("lock " + path, errno);
  return fail(ErrorCode::conflict, "another backup or restore uses " + directory_);
}

Result<void> Archive::put(yield_context yield, std::unique_ptr<storage::Upload> upload,
                          const std::string& key, const Sha256Digest& digest) {
  storage::ObjectMetadata metadata;
  metadata.content_type = "application/octet-stream";
  metadata.sha256 = digest;
  const auto published = store_->publish(yield, std::move(upload), key, metadata);
  if (!published) return std::unexpected(published.error());
  if (published->key == key) return {};
  if (auto removed = store_->remove(yield, published->key); !removed) return removed;
  return fail(ErrorCode::conflict, key + " is there with other bytes");
}

Result<bool> Archive::link(const std::string& root, const std::string& key,
                           std::string_view sha256) {
  if (directory_.empty()) return false;
  const auto from = storage::split_key(key);
  const auto to = storage::split_key(blob_key(sha256));
  if (!from) return std::unexpected(from.error());
  const auto source = storage::open_root(root);
  const auto target = storage::open_root(directory_);
  if (!source) return std::unexpected(source.error());
  if (!target) return std::unexpected(target.error());
  const auto here =
      storage::open_directory(source->get(), from->directory, storage::Missing::fail, false);
  if (!here || !*here) return false;
  const auto there =
      storage::open_directory(target->get(), to->directory, storage::Missing::create, false);
  if (!there) return std::unexpected(there.error());
  struct stat status {};
  if (::fstatat(here->get(), from->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 ||
      !S_ISREG(status.st_mode) ||
      ::linkat(here->get(), from->name.c_str(), there->get(), to->name.c_str(), 0) != 0) {
    return false;
  }
  if (auto synced = storage::sync_fd(there->get(), to->directory); !synced) {
    return std::unexpected(synced.error());
  }
  return true;
}

Result<bool> Archive::is_sound(yield_context yield, std::string_view sha256) {
  const auto content = storage::content_of(yield, *store_, blob_key(sha256));
  if (!content && content.error().code == ErrorCode::truncated) return false;
  if (!content) return std::unexpected(content.error());
  return hex_encode(content->sha256) == sha256;
}

Result<Snapshots> Archive::snapshots(yield_context yield) {
  std::map<std::string, bool> found;
  const auto listed =
      store_->list(yield, kSnapshots, [&](const storage::ObjectInfo& object) -> Result<void> {
        const std::string_view rest = std::string_view(object.key).substr(kSnapshots.size());
        const auto slash = rest.find('/');
        if (slash != std::string_view::npos && is_snapshot_name(rest.substr(0, slash))) {
          found[std::string(rest.substr(0, slash))] |= rest.substr(slash + 1) == kManifest;
        }
        return {};
      });
  if (!listed) return std::unexpected(listed.error());
  Snapshots snapshots;
  for (const auto& [name, is_complete] : found) {
    (is_complete ? snapshots.complete : snapshots.partial).push_back(name);
  }
  return snapshots;
}

Result<Manifest> Archive::manifest(yield_context yield, const std::string& snapshot) {
  std::string text;
  const auto read = store_->retrieve(
      yield, snapshot_key(snapshot, kManifest), [&](ByteView chunk) -> Result<void> {
        text += as_text(chunk);
        if (text.size() <= kMaxManifest) return {};
        return fail(ErrorCode::too_large, "longer than any manifest");
      });
  auto manifest = read ? parse_manifest(text) : std::unexpected(read.error());
  if (manifest && manifest->snapshot != snapshot) {
    manifest = fail(ErrorCode::hash_mismatch, "it is that of " + manifest->snapshot);
  }
  if (!manifest) {
    return std::unexpected(std::move(manifest.error()).context("manifest of " + snapshot));
  }
  return manifest;
}

Result<UniqueFd> Archive::copy_of(yield_context yield, const std::string& key) {
  std::string path = temporaries_ + "/.copy-XXXXXX";
  UniqueFd copy(::mkostemp(path.data(), O_CLOEXEC));
  if (!copy) return storage::storage_failure("make a file in " + temporaries_, errno);
  ::unlink(path.c_str());
  const auto read =
      store_->retrieve(yield, key, [&](ByteView chunk) { return write_all(copy.get(), chunk); });
  if (!read) return std::unexpected(read.error());
  ::lseek(copy.get(), 0, SEEK_SET);
  return copy;
}

Result<UniqueFd> Archive::open_file(yield_context yield, const std::string& snapshot,
                                    const SnapshotFile& file) {
  const std::string key = snapshot_key(snapshot, file.name);
  auto opened = directory_.empty() ? copy_of(yield, key) : Result<UniqueFd>();
  if (!directory_.empty()) {
    opened = UniqueFd(::open((directory_ + "/" + key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!*opened) return storage::storage_failure("open " + key, errno);
  }
  if (!opened) return opened;
  const auto found = storage::content_of_file(opened->get());
  if (!found) return std::unexpected(found.error());
  if (found->size != file.size || hex_encode(found->sha256) != file.sha256) {
    return fail(ErrorCode::hash_mismatch, key + " is damaged: it is not what the manifest tells (" +
                                              std::to_string(found->size) + " of " +
                                              std::to_string(file.size) + " bytes)");
  }
  return opened;
}

Result<void> Archive::remove_snapshot(yield_context yield, const std::string& snapshot) {
  if (auto removed = store_->remove(yield, snapshot_key(snapshot, kManifest)); !removed) {
    return removed;
  }
  for (const std::string_view name : {kDatabaseDump, kRegistryDump, kBlobList, kAbsentList}) {
    if (auto removed = store_->remove(yield, snapshot_key(snapshot, name)); !removed) {
      return removed;
    }
  }
  // An empty directory is no snapshot; it goes for the looks of it.
  if (!directory_.empty()) ::rmdir((directory_ + "/" + snapshot_key(snapshot, "")).c_str());
  return {};
}

Result<void> check_dump(int file) {
  auto environment = environment_for("");
  if (!environment) return std::unexpected(environment.error());
  return run_program({{"pg_restore", "--list"}, std::move(*environment), file},
                     [](ByteView) -> Result<void> { return {}; });
}

}  // namespace media::backup
