#include "indexer/ops/backup/restore.hpp"

#include <algorithm>
#include <functional>
#include <set>

#include "indexer/ops/backup/backup.hpp"
#include "indexer/ops/backup/blob_list.hpp"
#include "indexer/ops/backup/restored_database.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/progress_bar.hpp"
#include "indexer/storage/content.hpp"

namespace media::backup {
namespace {

// Places in stores, 8 bytes of memory each.
class Places {
 public:
  void add(const std::string& store, const std::string& key) {
    places_.push_back(hash_of(store, key));
  }
  /// False: two were the same.
  bool sort() {
    std::ranges::sort(places_);
    return std::ranges::adjacent_find(places_) == places_.end();
  }
  bool has(const std::string& store, const std::string& key) const {
    return std::ranges::binary_search(places_, hash_of(store, key));
  }

 private:
  static std::uint64_t hash_of(const std::string& store, const std::string& key) {
    return std::hash<std::string>()(store + '\n' + key);
  }
  std::vector<std::uint64_t> places_;
};

class Restore {
 public:
  Restore(const RestoreOptions& options, Archive& archive, storage::Stores& stores,
          RestoredDatabase database)
      : options_(options), archive_(archive), stores_(stores), database_(std::move(database)) {}

  Result<RestoreReport> run(yield_context yield);

 private:
  using EachFile = std::function<Result<void>(const NamedFile& file)>;

  Result<void> choose_snapshot(yield_context yield);
  Result<void> check_files(yield_context yield);
  Result<void> look_at_list(yield_context yield);
  Result<void> check_stores(yield_context yield);
  Result<void> check_store(yield_context yield, storage::BlobStore& store);
  Result<void> restore_files(yield_context yield);
  Result<void> restore_file(yield_context yield, const NamedFile& file);
  Result<bool> is_there(yield_context yield, const NamedFile& file);
  Result<void> publish(yield_context yield, const NamedFile& file,
                       std::unique_ptr<storage::Upload> upload);
  Result<void> restore_database(yield_context yield);
  Result<std::vector<NamedFile>> deleted_files(yield_context yield);
  Result<void> each_file(yield_context yield, const EachFile& take);
  Result<void> each_line(yield_context yield, const EachFile& take);
  const std::string& store_of(const NamedFile& file) const;
  Manifest& manifest() { return report_.manifest; }

  const RestoreOptions& options_;
  Archive& archive_;
  storage::Stores& stores_;
  RestoredDatabase database_;
  Inventory inventory_;
  Places places_;
  std::set<std::string> names_;  ///< of stores that are written to
  RestoreReport report_;
};

Result<void> Restore::choose_snapshot(yield_context yield) {
  std::string name = options_.snapshot;
  if (name.empty()) {
    const auto snapshots = archive_.snapshots(yield);
    if (!snapshots) return std::unexpected(snapshots.error());
    if (snapshots->complete.empty()) return fail(ErrorCode::not_found, "there is no snapshot");
    name = snapshots->complete.back();
  }
  auto found = archive_.manifest(yield, name);
  if (!found) return std::unexpected(found.error());
  manifest() = std::move(*found);
  if (manifest().schema_version <= ops::kSchemaVersion) return {};
  return ops::check_schema_version(manifest().schema_version);
}

// All that is not content is read before anything is written.
Result<void> Restore::check_files(yield_context yield) {
  for (const SnapshotFile& file : manifest().files) {
    const auto opened = archive_.open_file(yield, manifest().snapshot, file);
    if (!opened) return std::unexpected(opened.error());
    if (!file.name.ends_with(".dump")) continue;
    if (auto checked = check_dump(opened->get()); !checked) return checked;
  }
  return {};
}

const std::string& Restore::store_of(const NamedFile& file) const {
  return options_.into.empty() || file.store == kQuarantine ? file.store : options_.into;
}

Result<void> Restore::each_line(yield_context yield, const EachFile& take) {
  auto opened = archive_.open_file(yield, manifest().snapshot, *manifest().find(kBlobList));
  if (!opened) return std::unexpected(opened.error());
  BlobListReader list(std::move(*opened));
  NamedFile file;
  for (;;) {
    const auto is_line = list.next(file);
    if (!is_line) return std::unexpected(is_line.error());
    if (!*is_line) return {};
    if (auto taken = take(file); !taken) return taken;
  }
}

// Of those that the backup has.
Result<void> Restore::each_file(yield_context yield, const EachFile& take) {
  return each_line(yield, [&](const NamedFile& file) -> Result<void> {
    return inventory_.find(file.sha256) == file.size ? take(file) : Result<void>();
  });
}

// Whether all is there, and where it is to go.
Result<void> Restore::look_at_list(yield_context yield) {
  BackupReport unused;
  auto inventory = take_inventory(yield, archive_, false, unused);
  if (!inventory) return std::unexpected(inventory.error());
  inventory_ = std::move(*inventory);
  Amount named;
  std::set<std::string> absent;
  const auto looked = each_line(yield, [&](const NamedFile& file) -> Result<void> {
    named.add(file.size);
    if (store_of(file) != kQuarantine) names_.insert(store_of(file));
    places_.add(store_of(file), file.key);
    if (inventory_.find(file.sha256) == file.size) return {};
    report_.absent.add(file.size);
    absent.insert(file.sha256);
    return {};
  });
  if (!looked) return looked;
  if (named != manifest().named) {
    return fail(ErrorCode::hash_mismatch, "the list does not add up to the manifest");
  }
  const std::int64_t told = manifest().deleted + manifest().missing + manifest().corrupt;
  if (std::ssize(absent) > told) {
    return fail(ErrorCode::not_found, std::to_string(std::ssize(absent) - told) +
                                          " contents are not in the backup, such as " +
                                          blob_key(*absent.begin()) +
                                          ": copy all of it, or choose another --snapshot");
  }
  if (places_.sort()) return {};
  return fail(ErrorCode::conflict,
              "two stores have files of the same key: they can't go --into one");
}

Result<void> Restore::check_stores(yield_context yield) {
  if (auto checked = stores_.staging().check(); !checked) {
    return std::unexpected(
        std::move(checked.error()).context("media-indexer init marks an empty root"));
  }
  for (const std::string& name : names_) {
    storage::BlobStore* store = stores_.find(name);
    if (store == nullptr) {
      return fail(ErrorCode::not_found, "the configuration has no store '" + name +
                                            "': add it, or restore --into another one");
    }
    if (auto checked = check_store(yield, *store); !checked) return checked;
  }
  return {};
}

Result<void> Restore::check_store(yield_context yield, storage::BlobStore& store) {
  if (auto checked = store.check(); !checked) return checked;
  const std::string name(store.name());
  return store.list(yield, "", [&](const storage::ObjectInfo& object) -> Result<void> {
    if (places_.has(name, object.key)) return {};
    return fail(ErrorCode::conflict, "the store '" + name + "' is not empty: it has " + object.key);
  });
}

Result<bool> Restore::is_there(yield_context yield, const NamedFile& file) {
  if (file.store == kQuarantine) return false;  // replaced
  storage::BlobStore& store = *stores_.find(store_of(file));
  const auto info = store.stat(yield, file.key);
  if (!info && info.error().code == ErrorCode::not_found) return false;
  if (!info) return std::unexpected(info.error());
  const auto content = storage::content_of(yield, store, file.key);
  if (!content) return std::unexpected(content.error());
  if (content->sha256 == file.digest()) return true;
  return fail(ErrorCode::conflict, "it is there with other bytes");
}

Result<void> Restore::restore_file(yield_context yield, const NamedFile& file) {
  const auto is_done = is_there(yield, file);
  if (!is_done) return std::unexpected(is_done.error());
  if (*is_done) {
    report_.present.add(file.size);
    return {};
  }
  if (options_.is_dry_run) {
    report_.written.add(file.size);
    return {};
  }
  auto upload = stores_.staging().begin();
  if (!upload) return std::unexpected(upload.error());
  const auto copied =
      storage::copy_content(yield, archive_.store(), blob_key(file.sha256), **upload);
  if (!copied) return std::unexpected(copied.error());
  if (copied->sha256 != file.digest()) {
    return fail(ErrorCode::hash_mismatch, blob_key(file.sha256) + " in the backup is damaged");
  }
  if (auto published = publish(yield, file, std::move(*upload)); !published) return published;
  report_.written.add(file.size);
  return {};
}

Result<void> Restore::publish(yield_context yield, const NamedFile& file,
                              std::unique_ptr<storage::Upload> upload) {
  if (file.store == kQuarantine) {
    return stores_.staging().quarantine(yield, std::move(upload), file.key);
  }
  storage::BlobStore& store = *stores_.find(store_of(file));
  const auto published =
      store.publish(yield, std::move(upload), file.key,
                    {file.mime_type, file.file_name, file.account_id, file.digest()});
  if (!published) return std::unexpected(published.error());
  if (published->key == file.key) return {};
  if (auto removed = store.remove(yield, published->key); !removed) return removed;
  return fail(ErrorCode::conflict, "somebody else writes to the store");
}

Result<void> Restore::restore_files(yield_context yield) {
  ops::ProgressBar bar("files", manifest().named.files);
  std::int64_t done = report_.absent.files;
  return each_file(yield, [&](const NamedFile& file) -> Result<void> {
    if (auto restored = restore_file(yield, file); !restored) {
      return std::unexpected(std::move(restored.error()).context(store_of(file) + " " + file.key));
    }
    bar.set(++done);
    return {};
  });
}

Result<std::vector<NamedFile>> Restore::deleted_files(yield_context yield) {
  std::vector<NamedFile> deleted;
  const SnapshotFile* list = manifest().find(kAbsentList);
  if (list == nullptr) return deleted;
  auto opened = archive_.open_file(yield, manifest().snapshot, *list);
  if (!opened) return std::unexpected(opened.error());
  constexpr std::string_view kDeleted = "deleted\t";
  LineReader lines(std::move(*opened));
  for (std::string line;;) {
    const auto is_line = lines.next(line);
    if (!is_line) return std::unexpected(is_line.error());
    if (!*is_line) return deleted;
    if (!line.starts_with(kDeleted)) continue;
    auto file = parse_line(std::string_view(line).substr(kDeleted.size()));
    if (!file) return std::unexpected(file.error());
    if (inventory_.find(file->sha256) != file->size) deleted.push_back(std::move(*file));
  }
}

Result<void> Restore::restore_database(yield_context yield) {
  const auto deleted = deleted_files(yield);
  if (!deleted) return std::unexpected(deleted.error());
  const auto dump = archive_.open_file(yield, manifest().snapshot, *manifest().find(kDatabaseDump));
  if (!dump) return std::unexpected(dump.error());
  const auto has_registry = database_.has_registry();
  if (!has_registry) return std::unexpected(has_registry.error());
  const SnapshotFile* registry = manifest().find(kRegistryDump);
  report_.has_registry = *has_registry || registry != nullptr;
  if (auto loaded = database_.load(dump->get()); !loaded) return loaded;
  if (registry != nullptr && !*has_registry) {
    const auto opened = archive_.open_file(yield, manifest().snapshot, *registry);
    if (!opened) return std::unexpected(opened.error());
    if (auto loaded = database_.load_registry(opened->get()); !loaded) return loaded;
  }
  const auto jobs = database_.settle(*deleted, options_.into);
  if (!jobs) return std::unexpected(jobs.error());
  report_.jobs_reset = *jobs;
  return {};
}

Result<RestoreReport> Restore::run(yield_context yield) {
  if (auto empty = database_.check_empty(); !empty) return std::unexpected(empty.error());
  using Step = Result<void> (Restore::*)(yield_context);
  for (const Step step : {&Restore::choose_snapshot, &Restore::check_files, &Restore::look_at_list,
                          &Restore::check_stores, &Restore::restore_files}) {
    if (auto done = (this->*step)(yield); !done) return std::unexpected(done.error());
  }
  if (!options_.is_dry_run) {
    if (auto done = restore_database(yield); !done) return std::unexpected(done.error());
  }
  return report_;
}

}  // namespace

Result<RestoreReport> restore(yield_context yield, const RestoreOptions& options, Archive& archive,
                              storage::Stores& stores) {
  auto database = RestoredDatabase::open(options.conninfo);
  if (!database) return std::unexpected(database.error());
  return Restore(options, archive, stores, std::move(*database)).run(yield);
}

}  // namespace media::backup
