#include "indexer/storage/local_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "core/storage_key.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/storage/content.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/local_listing.hpp"
#include "indexer/storage/local_upload.hpp"

namespace media::storage {
namespace {

constexpr int kMaxKeyVariants = 1000;

/// Directories whose own entries this process knows to be durable. Creating
/// one syncs its parent, but another process may have been killed in between.
class DurableDirectories {
 public:
  bool contains(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return paths_.contains(path);
  }
  void add(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (paths_.size() >= kMax) paths_.clear();
    paths_.insert(path);
  }

 private:
  static constexpr std::size_t kMax = 10000;
  std::mutex mutex_;
  std::unordered_set<std::string> paths_;
};

std::unexpected<Error> not_stored(std::string_view key) {
  return fail(ErrorCode::not_found, "there is no file under " + std::string(key));
}

std::unexpected<Error> no_file(std::string_view key) {
  return fail(ErrorCode::storage, std::string(key) + " is not a regular file");
}

/// Whether the file under a taken key holds the upload's bytes. It may stem
/// from a crash before its fsync, so it is synced before it counts.
Result<bool> adopt(int directory, const std::string& name, std::uint64_t size,
                   const Sha256Digest& digest) {
  const UniqueFd fd(
      ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return false;
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return storage_failure("stat " + name, errno);
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size) return false;
  const auto found = content_of_file(fd.get());
  if (!found) return std::unexpected(found.error());
  if (found->sha256 != digest) return false;
  if (auto synced = sync_fd(fd.get(), name); !synced) return std::unexpected(synced.error());
  return true;
}

/// Gives the upload the key, or the first numbered variant that is free or
/// already holds the same bytes.
Result<std::string> link_somewhere(LocalUpload& upload, int directory, std::string_view key,
                                   const Sha256Digest& digest) {
  for (int number = 0; number < kMaxKeyVariants; ++number) {
    std::string variant = number == 0 ? std::string(key) : numbered_storage_key(key, number);
    const auto path = split_key(variant);
    if (!path) return std::unexpected(path.error());
    const auto taken = upload.link(directory, path->name);
    if (!taken) return std::unexpected(taken.error());
    if (*taken == TakenKey::no) return variant;
    const auto adopted = adopt(directory, path->name, upload.size(), digest);
    if (!adopted) return std::unexpected(adopted.error());
    if (*adopted) return variant;
  }
  return fail(ErrorCode::storage, "all variants of the key are taken");
}

/// The bytes of a file, read piece by piece on the workers.
class FileReader {
 public:
  FileReader(UniqueFd fd, std::uint64_t size)
      : fd_(std::move(fd)),
        size_(size),
        room_(std::min(size, kMaxPiece)),
        piece_(std::make_unique_for_overwrite<std::uint8_t[]>(room_)) {}

  bool is_done() const { return offset_ >= size_; }
  /// The view holds until the next call.
  Result<ByteView> next() {
    ssize_t count = 0;
    do {
      count = ::pread(fd_.get(), piece_.get(), room_, static_cast<off_t>(offset_));
    } while (count < 0 && errno == EINTR);
    if (count < 0) return storage_failure("read a stored file", errno);
    if (count == 0) {
      return fail(ErrorCode::truncated, "the file became shorter while it was read");
    }
    offset_ += static_cast<std::uint64_t>(count);
    return ByteView(piece_.get(), static_cast<std::size_t>(count));
  }

 private:
  static constexpr std::uint64_t kMaxPiece = 256u << 10;
  UniqueFd fd_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
  std::size_t room_;
  std::unique_ptr<std::uint8_t[]> piece_;
};

class LocalStore final : public BlobStore {
 public:
  LocalStore(std::string root, boost::asio::thread_pool& workers)
      : root_(std::move(root)), workers_(workers) {}

  std::string_view name() const override { return kLocalStoreName; }

  Result<Published> publish(boost::asio::yield_context yield, std::unique_ptr<Upload> upload,
                            std::string_view key, const ObjectMetadata& metadata) override {
    const std::shared_ptr<Upload> shared = std::move(upload);
    auto* local = dynamic_cast<LocalUpload*>(shared.get());
    if (local == nullptr) return fail(ErrorCode::internal, "not an upload of this store");
    return run_blocking(workers_, yield, [&] { return publish_now(*local, key, metadata.sha256); });
  }

  Result<void> remove(boost::asio::yield_context yield, std::string_view key) override {
    return run_blocking(workers_, yield, [&] { return remove_now(key); });
  }

  Result<ObjectInfo> stat(boost::asio::yield_context yield, std::string_view key) override {
    return run_blocking(workers_, yield, [&] { return stat_now(key); });
  }

  Result<void> retrieve(boost::asio::yield_context yield, std::string_view key,
                        const ByteSink& sink) override {
    auto reader = run_blocking(workers_, yield, [&] { return open_now(key); });
    if (!reader) return std::unexpected(reader.error());
    while (!reader->is_done()) {
      const auto piece = run_blocking(workers_, yield, [&] { return reader->next(); });
      if (!piece) return std::unexpected(piece.error());
      if (auto taken = sink(*piece); !taken) return taken;
    }
    return {};
  }

  Result<void> list(boost::asio::yield_context yield, std::string_view prefix,
                    const ObjectSink& sink) override {
    LocalListing listing(root_, prefix);
    while (!listing.is_done()) {
      const auto objects = run_blocking(workers_, yield, [&] { return listing.next(); });
      if (!objects) return std::unexpected(objects.error());
      for (const ObjectInfo& object : *objects) {
        if (auto taken = sink(object); !taken) return taken;
      }
    }
    return {};
  }

  std::string url(std::string_view) const override { return {}; }

  Result<void> check() override {
    auto root = open_root(root_);
    if (!root) return std::unexpected(root.error());
    const auto upload = LocalUpload::create(std::move(*root), false);
    if (!upload) return std::unexpected(upload.error());
    constexpr std::uint8_t kProbe = 0;
    return (*upload)->append({&kProbe, 1});
  }
  Result<void> probe(boost::asio::yield_context) override { return check(); }

 private:
  Result<Published> publish_now(LocalUpload& upload, std::string_view key,
                                const Sha256Digest& digest) {
    const auto path = split_key(key);
    if (!path) return std::unexpected(path.error());
    if (auto synced = upload.sync(); !synced) return std::unexpected(synced.error());

    const bool is_durable = durable_.contains(path->directory);
    auto directory = open_directory(upload.root(), path->directory, Missing::create, !is_durable);
    if (!directory) return std::unexpected(directory.error());
    if (!is_durable) durable_.add(path->directory);

    auto used = link_somewhere(upload, directory->get(), key, digest);
    if (!used) return std::unexpected(used.error());
    if (auto synced = sync_fd(directory->get(), path->directory); !synced) {
      return std::unexpected(synced.error());
    }
    return Published{std::move(*used)};
  }

  /// The directory that a key is in; no descriptor: there is none.
  Result<UniqueFd> directory_of(const KeyPath& path) const {
    const auto root = open_root(root_);
    if (!root) return std::unexpected(root.error());
    return open_directory(root->get(), path.directory, Missing::fail, false);
  }

  Result<ObjectInfo> stat_now(std::string_view key) const {
    const auto path = split_key(key);
    if (!path) return std::unexpected(path.error());
    const auto directory = directory_of(*path);
    if (!directory) return std::unexpected(directory.error());
    struct stat status {};
    if (!*directory ||
        ::fstatat(directory->get(), path->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (*directory && errno != ENOENT) return storage_failure("stat " + path->name, errno);
      return not_stored(key);
    }
    if (!S_ISREG(status.st_mode)) return no_file(key);
    return ObjectInfo{
        std::string(key), static_cast<std::uint64_t>(status.st_size), status.st_mtime, {}, {}};
  }

  Result<FileReader> open_now(std::string_view key) const {
    const auto path = split_key(key);
    if (!path) return std::unexpected(path.error());
    const auto directory = directory_of(*path);
    if (!directory) return std::unexpected(directory.error());
    if (!*directory) return not_stored(key);
    UniqueFd fd(::openat(directory->get(), path->name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd && errno == ENOENT) return not_stored(key);
    if (!fd) return storage_failure("open " + path->name, errno);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return no_file(key);
    return FileReader(std::move(fd), static_cast<std::uint64_t>(status.st_size));
  }

  Result<void> remove_now(std::string_view key) {
    const auto path = split_key(key);
    if (!path) return std::unexpected(path.error());
    const auto directory = directory_of(*path);
    if (!directory) return std::unexpected(directory.error());
    if (!*directory) return {};
    if (::unlinkat(directory->get(), path->name.c_str(), 0) != 0) {
      if (errno == ENOENT) return {};
      return storage_failure("remove " + path->name, errno);
    }
    return sync_fd(directory->get(), path->directory);
  }

  const std::string root_;
  boost::asio::thread_pool& workers_;
  DurableDirectories durable_;
};

}  // namespace

std::unique_ptr<BlobStore> make_local_store(std::string root, boost::asio::thread_pool& workers) {
  return std::make_unique<LocalStore>(std::move(root), workers);
}

Result<void> mark_store_root(const std::string& root) {
  std::error_code failure;
  std::filesystem::create_directories(root, failure);
  if (failure) return storage_failure("create " + root, failure.value());
  const UniqueFd directory(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return storage_failure("open " + root, errno);
  const UniqueFd marker(::openat(directory.get(), kRootMarker,
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!marker && errno == EEXIST) return {};
  if (!marker) return storage_failure("create " + root + "/" + kRootMarker, errno);
  constexpr std::string_view kText =
      "Root of an ngx_media store. Without this file the directory is taken for an unmounted "
      "disk.\n";
  if (::write(marker.get(), kText.data(), kText.size()) != static_cast<ssize_t>(kText.size())) {
    return storage_failure("write " + root + "/" + kRootMarker, errno);
  }
  if (auto synced = sync_fd(marker.get(), kRootMarker); !synced) return synced;
  return sync_fd(directory.get(), root);
}

}  // namespace media::storage
