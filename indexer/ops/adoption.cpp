#include "indexer/ops/adoption.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/media_type.hpp"
#include "core/storage_key.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/storage/content.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/local_upload.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr int kMaxKeyVariants = 20;
constexpr std::size_t kFailuresTold = 1000;

/// Follows no symbolic link below the root.
Result<UniqueFd> open_below(int root, const std::string& key) {
  const auto path = storage::split_key(key);
  if (!path) return std::unexpected(path.error());
  const auto directory =
      storage::open_directory(root, path->directory, storage::Missing::fail, false);
  if (!directory) return std::unexpected(directory.error());
  if (!*directory) return fail(ErrorCode::not_found, "there is no such file");
  UniqueFd file(::openat(directory->get(), path->name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return fail(ErrorCode::not_found, "there is no such file");
  if (!file) return storage::storage_failure("open", errno);
  return file;
}

Result<std::uint64_t> size_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return storage::storage_failure("stat", errno);
  if (!S_ISREG(status.st_mode)) return fail(ErrorCode::storage, "it is no regular file");
  if (status.st_size == 0) return fail(ErrorCode::empty, "it has no bytes");
  return static_cast<std::uint64_t>(status.st_size);
}

/// What the bytes show, or else what the row says. Errors as of decide_mime_type().
Result<std::string> type_of(int fd, const LegacyRow& row) {
  std::array<std::uint8_t, kSniffSize> head{};
  const ssize_t count = ::pread(fd, head.data(), head.size(), 0);
  if (count < 0) return storage::storage_failure("read", errno);
  const ByteView bytes(head.data(), static_cast<std::size_t>(count));
  const std::string declared = mime_essence(row.mime_type);
  const auto shown = sniff_mime_type(bytes);
  return decide_mime_type(bytes, declared,
                          file_type_of(shown ? std::string_view(*shown) : declared));
}

}  // namespace

Result<std::string> adopted_key(std::string_view path, std::string_view root) {
  while (root.ends_with('/')) root.remove_suffix(1);
  std::string_view rest = path;
  if (rest.starts_with(root) && rest.substr(root.size()).starts_with('/')) {
    rest.remove_prefix(root.size());
  }
  while (rest.starts_with('/')) rest.remove_prefix(1);
  while (rest.starts_with("./")) rest.remove_prefix(2);
  if (is_valid_storage_key(rest) && !is_reserved_storage_key(rest)) return std::string(rest);
  return fail(ErrorCode::invalid_argument, "the path can't be a storage key");
}

Result<void> Adoption::open() {
  root_ = UniqueFd(::open(options_.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root_) return storage::storage_failure("open " + options_.root, errno);
  return {};
}

void Adoption::adopt(yield_context yield, const LegacyRow& row) {
  ++tally_.found;
  const auto outcome = try_row(yield, row);
  if (outcome && *outcome == Outcome::adopted) {
    ++tally_.adopted;
  } else if (outcome && *outcome == Outcome::shared) {
    ++tally_.shared;
  } else if (outcome && *outcome == Outcome::already_there) {
    ++tally_.already_there;
  } else {
    ++tally_.failed;
    const std::string reason =
        outcome ? "conflict: all variants of its key are taken"
                : std::string(name_of(outcome.error().code)) + ": " + outcome.error().message;
    const AdoptionTally::Failure failure{row.id, row.path, reason};
    if (tally_.failures.size() < kFailuresTold) tally_.failures.push_back(failure);
    if (told_) told_(failure);
  }
}

Result<Adoption::Outcome> Adoption::try_row(yield_context yield, const LegacyRow& row) {
  const auto company = company_of(yield, row);
  if (!company) return std::unexpected(company.error());
  const auto is_done = is_adopted(yield, *company, row);
  if (!is_done) return std::unexpected(is_done.error());
  if (*is_done) return Outcome::already_there;
  auto found = find(row);
  if (!found) return std::unexpected(found.error());
  if (options_.is_dry_run) {
    tally_.bytes += found->size;
    return Outcome::adopted;
  }
  const auto content = storage::content_of_file(found->file.get());
  if (!content) return std::unexpected(content.error());
  found->sha256 = content->sha256;
  return store(yield, *company, row, *found);
}

Result<std::string> Adoption::company_of(yield_context yield, const LegacyRow& row) {
  const std::string& name = options_.company.empty() ? row.company : options_.company;
  if (name.empty()) return fail(ErrorCode::invalid_argument, "the row names no company");
  if (const auto known = companies_.find(name); known != companies_.end()) return known->second;
  auto id = find_company(database_, yield, name);
  if (id) companies_.emplace(name, *id);
  return id;
}

Result<bool> Adoption::is_adopted(yield_context yield, const std::string& company,
                                  const LegacyRow& row) {
  const auto rows =
      database_.query(yield, "SELECT media.find_adopted($1, $2, $3) IS NOT NULL AS is_adopted",
                      {company, options_.source, row.id});
  if (!rows) return std::unexpected(rows.error());
  return rows->boolean(0, "is_adopted");
}

Result<Adoption::Found> Adoption::find(const LegacyRow& row) const {
  auto key = adopted_key(row.path, options_.root);
  if (!key) return std::unexpected(key.error());
  auto file = open_below(root_.get(), *key);
  if (!file) return std::unexpected(file.error());
  const auto size = size_of(file->get());
  if (!size) return std::unexpected(size.error());
  auto type = type_of(file->get(), row);
  if (!type) return std::unexpected(type.error());
  Found found;
  found.file = std::move(*file);
  found.key = std::move(*key);
  found.file_type = file_type_of(*type);
  found.mime_type = std::move(*type);
  found.size = *size;
  return found;
}

// What the company has already needs no second file.
Result<Adoption::Outcome> Adoption::store(yield_context yield, const std::string& company,
                                          const LegacyRow& row, Found& found) {
  auto outcome = record(yield, company, row, found, std::nullopt);
  if (!outcome || *outcome != Outcome::missing) return outcome;
  for (int number = 0; number < kMaxKeyVariants; ++number) {
    const auto key = publish(yield, row, found,
                             number == 0 ? found.key : numbered_storage_key(found.key, number));
    if (!key) return std::unexpected(key.error());
    outcome = record(yield, company, row, found, *key);
    if (outcome && *outcome == Outcome::taken) continue;
    if (outcome && *outcome == Outcome::adopted) {
      tally_.bytes += found.size;
      if (*key != found.key) ++tally_.renamed;
    }
    return outcome;
  }
  return Outcome::taken;
}

Result<std::unique_ptr<storage::Upload>> Adoption::upload_of(const Found& found) {
  if (!options_.is_linking) {
    auto upload = stores_.staging().begin();
    if (!upload) return upload;
    const auto copied = storage::read_file(
        found.file.get(), [&](ByteView piece) { return (*upload)->append(piece); });
    if (!copied) return std::unexpected(copied.error());
    return upload;
  }
  auto root = storage::open_root(options_.store_root);
  if (!root) return std::unexpected(root.error());
  UniqueFd again(::fcntl(found.file.get(), F_DUPFD_CLOEXEC, 0));
  if (!again) return storage::storage_failure("open once more", errno);
  return storage::LocalUpload::of_file(std::move(*root), std::move(again), found.size);
}

Result<std::string> Adoption::publish(yield_context yield, const LegacyRow& row, const Found& found,
                                      const std::string& key) {
  auto upload = upload_of(found);
  if (!upload) return std::unexpected(upload.error());
  storage::BlobStore* store = stores_.find(options_.store);
  if (store == nullptr) return fail(ErrorCode::internal, "no store " + options_.store);
  storage::ObjectMetadata metadata;
  metadata.content_type = found.mime_type;
  metadata.file_name = row.file_name;
  metadata.sha256 = found.sha256;
  auto published = store->publish(yield, std::move(*upload), key, metadata);
  if (!published) return std::unexpected(published.error());
  return std::move(published->key);
}

Result<Adoption::Outcome> Adoption::record(yield_context yield, const std::string& company,
                                           const LegacyRow& row, const Found& found,
                                           const std::optional<std::string>& key) {
  const auto rows = database_.query(
      yield,
      "SELECT media.adopt_file($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) AS outcome",
      {company, options_.source, row.id, found.key, found.file_type, found.mime_type,
       row.file_name.empty() ? std::optional<std::string>() : row.file_name, row.created,
       db::bytea(found.sha256), std::to_string(found.size), options_.store, key});
  if (!rows) return std::unexpected(rows.error());
  const std::string_view outcome = rows->text(0, "outcome");
  if (outcome == "adopted") return Outcome::adopted;
  if (outcome == "duplicate") return Outcome::shared;
  if (outcome == "already_there") return Outcome::already_there;
  return outcome == "blob_missing" ? Outcome::missing : Outcome::taken;
}

}  // namespace media::ops
