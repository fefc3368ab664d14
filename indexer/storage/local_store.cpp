#include "indexer/storage/local_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <mutex>
#include <unordered_set>
#include <vector>

#include "core/storage_key.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/local_upload.hpp"
#include "indexer/storage/quarantine.hpp"

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

Result<Sha256Digest> digest_of_file(int fd) {
  Sha256 hash;
  std::vector<std::uint8_t> buffer(256u << 10);
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_failure("read a stored file", errno);
    if (count == 0) return hash.finish();
    hash.update({buffer.data(), static_cast<std::size_t>(count)});
  }
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
  const auto found = digest_of_file(fd.get());
  if (!found) return std::unexpected(found.error());
  if (*found != digest) return false;
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

class LocalStore final : public BlobStore {
 public:
  LocalStore(std::string root, boost::asio::thread_pool& workers, LocalStoreOptions options)
      : root_(std::move(root)), workers_(workers), options_(options) {
    if (const auto root = open_root(root_)) remove_stale_temporaries(root->get());
  }

  Result<std::unique_ptr<Upload>> begin() override {
    auto root = open_root(root_);
    if (!root) return std::unexpected(root.error());
    return LocalUpload::create(std::move(*root), options_.named_temporaries);
  }

  Result<Published> publish(boost::asio::yield_context yield, std::unique_ptr<Upload> upload,
                            std::string_view key, const Sha256Digest& digest) override {
    const std::shared_ptr<Upload> shared = std::move(upload);
    auto* local = dynamic_cast<LocalUpload*>(shared.get());
    if (local == nullptr) return fail(ErrorCode::internal, "not an upload of this store");
    return run_blocking(workers_, yield, [&] { return publish_now(*local, key, digest); });
  }

  Result<void> remove(boost::asio::yield_context yield, std::string_view key) override {
    return run_blocking(workers_, yield, [&] { return remove_now(key); });
  }

  Result<void> quarantine(boost::asio::yield_context yield, std::unique_ptr<Upload> upload,
                          std::string_view name) override {
    const std::shared_ptr<Upload> shared = std::move(upload);
    auto* local = dynamic_cast<LocalUpload*>(shared.get());
    if (local == nullptr) return fail(ErrorCode::internal, "not an upload of this store");
    return run_blocking(workers_, yield, [&] { return put_into_quarantine(*local, name); });
  }

  Result<Published> release(boost::asio::yield_context yield, std::string_view name,
                            std::string_view key, const Sha256Digest& digest) override {
    return run_blocking(workers_, yield, [&]() -> Result<Published> {
      auto root = open_root(root_);
      if (!root) return std::unexpected(root.error());
      const auto file = open_in_quarantine(std::move(*root), name);
      if (!file) return std::unexpected(file.error());
      return publish_now(**file, key, digest);
    });
  }

  Result<void> discard(boost::asio::yield_context yield, std::string_view name) override {
    return run_blocking(workers_, yield, [&]() -> Result<void> {
      const auto root = open_root(root_);
      if (!root) return std::unexpected(root.error());
      return remove_from_quarantine(root->get(), name);
    });
  }

  Result<std::vector<std::string>> quarantined(boost::asio::yield_context yield,
                                               std::chrono::seconds min_age) override {
    return run_blocking(workers_, yield, [&]() -> Result<std::vector<std::string>> {
      const auto root = open_root(root_);
      if (!root) return std::unexpected(root.error());
      return list_quarantine(root->get(), min_age);
    });
  }

  Result<void> check() override {
    auto upload = begin();
    if (!upload) return std::unexpected(upload.error());
    constexpr std::uint8_t kProbe = 0;
    return (*upload)->append({&kProbe, 1});
  }

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

  Result<void> remove_now(std::string_view key) {
    const auto path = split_key(key);
    if (!path) return std::unexpected(path.error());
    const auto root = open_root(root_);
    if (!root) return std::unexpected(root.error());
    const auto directory = open_directory(root->get(), path->directory, Missing::fail, false);
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
  const LocalStoreOptions options_;
  DurableDirectories durable_;
};

}  // namespace

std::unique_ptr<BlobStore> make_local_store(std::string root, boost::asio::thread_pool& workers,
                                            LocalStoreOptions options) {
  return std::make_unique<LocalStore>(std::move(root), workers, options);
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
