#include "indexer/ingest/spool.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/uuid.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/ingest/known_accounts.hpp"
#include "indexer/log.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/private_file.hpp"

namespace media::ingest {

namespace asio = boost::asio;
using storage::storage_failure;
using storage::sync_fd;
using storage::write_private_file;

namespace {

constexpr std::string_view kSuffix = ".request";
constexpr const char* kAside = "aside";
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::size_t kNumberSize = 20;
constexpr std::uint64_t kMaxFileSize = 80u << 20;  // more than any webhook may have

std::uint64_t microseconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

/// The entry that a file's name tells of; nothing for names of others.
std::optional<Spool::Entry> parse_name(std::string_view name) {
  if (!name.ends_with(kSuffix) || name.size() < kNumberSize + 1 + kSuffix.size()) return {};
  Spool::Entry entry;
  const auto [end, error] = std::from_chars(name.data(), name.data() + kNumberSize, entry.number);
  if (error != std::errc() || end != name.data() + kNumberSize || *end != '-') return {};
  name.remove_prefix(kNumberSize + 1);
  name.remove_suffix(kSuffix.size());
  if (!Uuid::parse(name)) return {};
  entry.account_id = name;
  return entry;
}

/// None where the directory can't be read.
std::vector<Spool::Entry> entries_in(const std::string& directory) {
  std::vector<Spool::Entry> entries;
  std::error_code failure;
  for (std::filesystem::directory_iterator file(directory, failure), end; !failure && file != end;
       file.increment(failure)) {
    if (auto entry = parse_name(file->path().filename().string())) entries.push_back(*entry);
  }
  return entries;
}

Result<UniqueFd> open_private_directory(int parent, const char* path) {
  if (::mkdirat(parent, path, 0700) != 0 && errno != EEXIST) {
    return storage_failure("make directory " + std::string(path), errno);
  }
  UniqueFd fd(::openat(parent, path, kDirectoryFlags));
  if (!fd) return storage_failure("open directory " + std::string(path), errno);
  if (::fchmod(fd.get(), 0700) != 0) return storage_failure("chmod " + std::string(path), errno);
  return fd;
}

/// So that a directory just made is still there after a power cut.
Result<void> sync_parent(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const UniqueFd fd(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return storage_failure("open " + parent.string(), errno);
  return sync_fd(fd.get(), parent.string());
}

}  // namespace

std::string Spool::Entry::name() const {
  std::string digits = std::to_string(number);
  digits.insert(0, kNumberSize - digits.size(), '0');
  return digits + '-' + account_id + std::string(kSuffix);
}

Result<UniqueFd> open_spool_directory(const std::string& path) {
  auto directory = open_private_directory(AT_FDCWD, path.c_str());
  if (!directory) return directory;
  if (auto synced = sync_parent(path); !synced) return std::unexpected(synced.error());
  return directory;
}

std::size_t count_set_aside(const std::string& directory) {
  return entries_in(directory + '/' + kAside).size();
}

SpoolView look_at_spool(const std::string& directory) {
  SpoolView view;
  view.set_aside = count_set_aside(directory);
  for (const Spool::Entry& entry : entries_in(directory)) {
    ++view.files;
    const auto seconds = static_cast<std::int64_t>(entry.number / 1000000);
    view.oldest_at = view.files == 1 ? seconds : std::min(view.oldest_at, seconds);
  }
  return view;
}

Result<void> Spool::open() {
  if (auto opened = open_directories(); !opened) return opened;
  return scan();
}

Result<void> Spool::open_directories() {
  auto directory = open_spool_directory(options_.directory);
  if (!directory) return std::unexpected(directory.error());
  directory_ = std::move(*directory);
  if (::flock(directory_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return storage_failure("lock " + options_.directory, errno);
    return fail(ErrorCode::storage, options_.directory + " is the spool of another daemon");
  }
  auto aside = open_private_directory(directory_.get(), kAside);
  if (!aside) return std::unexpected(aside.error());
  aside_ = std::move(*aside);
  return sync_fd(directory_.get(), options_.directory);
}

Result<void> Spool::scan() {
  std::error_code failure;
  for (std::filesystem::directory_iterator file(options_.directory, failure), end;
       !failure && file != end; file.increment(failure)) {
    const std::string name = file->path().filename();
    if (name.ends_with(storage::kDraftSuffix)) {
      ::unlinkat(directory_.get(), name.c_str(), 0);
      continue;
    }
    auto entry = parse_name(name);
    if (!entry) {
      if (name != kAside && name != kKnownAccountsFile)
        log::warn("spool_foreign_file", {{"file", name}});
      continue;
    }
    struct stat status {};
    if (::fstatat(directory_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return storage_failure("stat " + name, errno);
    }
    entry->size = static_cast<std::uint64_t>(status.st_size);
    last_number_ = std::max(last_number_, entry->number);
    reserve(*entry);
    entries_.emplace(entry->number, *entry);
  }
  if (failure) return storage_failure("read " + options_.directory, failure.value());
  return {};
}

/// Rises even when the clock is set back.
std::uint64_t Spool::next_number() {
  last_number_ = std::max(last_number_ + 1, microseconds_now());
  return last_number_;
}

void Spool::reserve(const Entry& entry) {
  ++files_;
  bytes_ += entry.size;
  ++waiting_[entry.account_id];
}

void Spool::release(const Entry& entry) {
  --files_;
  bytes_ -= entry.size;
  const auto waiting = waiting_.find(entry.account_id);
  if (--waiting->second == 0) waiting_.erase(waiting);
}

void Spool::forget(const Entry& entry) {
  if (entries_.erase(entry.number) > 0) release(entry);
}

Result<void> Spool::add(asio::yield_context yield, const SpooledRequest& spooled) {
  const std::string bytes = encode(spooled);
  if (files_ >= options_.max_files || bytes_ + bytes.size() > options_.max_bytes) {
    if (!std::exchange(is_full_, true)) {
      log::error("spool_full", {{"files", static_cast<std::int64_t>(files_)},
                                {"bytes", static_cast<std::int64_t>(bytes_)}});
    }
    return fail(ErrorCode::unavailable, "the spool is full");
  }
  is_full_ = false;
  const Entry entry{next_number(), spooled.account_id, bytes.size()};
  reserve(entry);
  const auto written =
      run_blocking(workers_, yield, [&] { return write_durably(entry.name(), bytes); });
  if (!written) {
    release(entry);
    log::error("spool_failed", {{"error", written.error().message}});
    return fail(ErrorCode::unavailable, written.error().message);
  }
  entries_.emplace(entry.number, entry);
  return {};
}

Result<void> Spool::write_durably(const std::string& name, const std::string& bytes) const {
  auto written = storage::replace_private_file(directory_.get(), name, bytes);
  // Not acknowledged, so the provider sends it again.
  if (!written) ::unlinkat(directory_.get(), name.c_str(), 0);
  return written;
}

std::optional<Spool::Entry> Spool::first() const {
  if (entries_.empty()) return {};
  return entries_.begin()->second;
}

Result<SpooledRequest> Spool::read(asio::yield_context yield, const Entry& entry) {
  const auto bytes = run_blocking(workers_, yield, [&] { return read_whole(entry); });
  if (!bytes) return std::unexpected(bytes.error());
  auto spooled = decode(*bytes);
  if (spooled && spooled->account_id != entry.account_id) {
    return fail(ErrorCode::hash_mismatch, "the file has the name of another account");
  }
  return spooled;
}

Result<std::string> Spool::read_whole(const Entry& entry) const {
  const std::string name = entry.name();
  const UniqueFd fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fail(ErrorCode::truncated, "the file is gone");
  if (!fd) return storage_failure("open " + name, errno);
  if (entry.size > kMaxFileSize) {
    return fail(ErrorCode::too_large, std::to_string(entry.size) + " bytes");
  }
  std::string bytes(entry.size, '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = ::read(fd.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_failure("read " + name, errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

/// Not synced: a file that comes back is replayed once more, to no effect.
Result<void> Spool::remove(asio::yield_context yield, const Entry& entry) {
  const std::string name = entry.name();
  const int error = run_blocking(workers_, yield, [&] {
    return ::unlinkat(directory_.get(), name.c_str(), 0) == 0 ? 0 : errno;
  });
  if (error != 0 && error != ENOENT) return storage_failure("remove " + name, error);
  forget(entry);
  return {};
}

Result<void> Spool::set_aside(asio::yield_context yield, const Entry& entry,
                              const std::string& reason) {
  const auto moved =
      run_blocking(workers_, yield, [&] { return move_aside(entry.name(), reason); });
  if (moved) forget(entry);
  return moved;
}

Result<void> Spool::move_aside(const std::string& name, const std::string& reason) const {
  if (auto told = write_private_file(aside_.get(), name + ".reason", reason + '\n'); !told)
    return told;
  if (::renameat(directory_.get(), name.c_str(), aside_.get(), name.c_str()) != 0 &&
      errno != ENOENT) {
    return storage_failure("move " + name, errno);
  }
  if (auto synced = sync_fd(aside_.get(), kAside); !synced) return synced;
  return sync_fd(directory_.get(), options_.directory);
}

}  // namespace media::ingest
