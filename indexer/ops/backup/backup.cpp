#include "indexer/ops/backup/backup.hpp"

#include <algorithm>

#include "indexer/ops/backup/blob_list.hpp"
#include "indexer/ops/backup/child_process.hpp"
#include "indexer/ops/backup/content_copier.hpp"
#include "indexer/ops/backup/operator_session.hpp"
#include "indexer/ops/progress_bar.hpp"

namespace media::backup {
namespace {

// Two backups of one database would only do the same twice.
constexpr const char* kLock = "SELECT pg_try_advisory_lock(hashtext('media.backup')) AS value";
constexpr const char* kMayRead =
    "SELECT current_user::text AS name, to_regnamespace('media') IS NOT NULL AS has_schema, "
    "coalesce((SELECT pg_has_role(current_user, r.oid, 'USAGE') FROM pg_roles AS r"
    " WHERE r.rolname = 'media_owner'), FALSE) AS is_owner";
constexpr const char* kBegin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr const char* kMoment =
    "SELECT media.schema_version() AS schema_version, pg_export_snapshot() AS snapshot, "
    "floor(extract(EPOCH FROM clock_timestamp()))::bigint AS taken_at, "
    "EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = to_regnamespace('sqitch')"
    " AND c.relname = 'changes') AS has_registry, "
    "coalesce((SELECT bool_and(has_schema_privilege('sqitch', 'USAGE')"
    " AND has_table_privilege(c.oid, 'SELECT')) FROM pg_class AS c"
    " WHERE c.relnamespace = to_regnamespace('sqitch') AND c.relkind = 'r'), FALSE)"
    " AS reads_registry";
constexpr const char* kNamedFiles =
    "DECLARE named NO SCROLL CURSOR FOR SELECT * FROM ("
    "SELECT b.sha256, b.size, b.store, b.storage_key, b.mime_type, m.account_id, m.file_name"
    " FROM media.blobs AS b LEFT JOIN LATERAL ("
    "SELECT f.account_id::text, f.file_name FROM media.media_files AS f"
    " WHERE f.blob_id = b.id ORDER BY f.created_at LIMIT 1) AS m ON TRUE"
    " WHERE b.state <> 'gone' "
    "UNION ALL "
    "SELECT r.sha256, r.size, r.store, r.storage_key, r.mime_type, NULL, NULL"
    " FROM media.renditions AS r "
    "UNION ALL "
    "SELECT q.sha256, q.size, ':quarantine', q.media_id::text, q.mime_type, NULL, NULL"
    " FROM media.quarantine AS q"
    ") AS f ORDER BY sha256, store, storage_key";
constexpr const char* kNext = "FETCH 2000 FROM named";

// A file of a snapshot, as it is written.
class SnapshotUpload {
 public:
  static Result<SnapshotUpload> begin(Archive& archive) {
    auto upload = archive.begin();
    if (!upload) return std::unexpected(upload.error());
    return SnapshotUpload(std::move(*upload));
  }
  Result<void> append(ByteView bytes) {
    hash_.update(bytes);
    return upload_->append(bytes);
  }
  Result<SnapshotFile> put(yield_context yield, Archive& archive, const std::string& snapshot,
                           std::string_view name) {
    const auto digest = hash_.finish();
    SnapshotFile file{std::string(name), upload_->size(), hex_encode(digest)};
    const auto put =
        archive.put(yield, std::move(upload_), "snapshots/" + snapshot + "/" + file.name, digest);
    if (!put) return std::unexpected(put.error());
    return file;
  }

 private:
  explicit SnapshotUpload(std::unique_ptr<storage::Upload> upload) : upload_(std::move(upload)) {}
  std::unique_ptr<storage::Upload> upload_;
  Sha256 hash_;
};

class Backup {
 public:
  Backup(const Config& config, const BackupOptions& options, Archive& archive,
         storage::Stores& stores, OperatorSession session)
      : config_(config),
        options_(options),
        archive_(archive),
        stores_(stores),
        session_(std::move(session)) {}

  Result<BackupReport> run(yield_context yield);

 private:
  Result<void> check_role();
  Result<void> clean_up(yield_context yield);
  Result<void> choose_name(yield_context yield, std::int64_t taken_at);
  Result<void> read_database(yield_context yield);
  Result<void> list_files(yield_context yield);
  Result<void> dump(yield_context yield, const std::string& schema, std::string_view name);
  Result<void> copy_contents(yield_context yield, Inventory& inventory);
  Result<void> put_text(yield_context yield, std::string_view name, std::string_view text);
  Manifest& manifest() { return report_.manifest; }

  const Config& config_;
  const BackupOptions& options_;
  Archive& archive_;
  storage::Stores& stores_;
  OperatorSession session_;
  std::string exported_;  ///< the snapshot that both transactions read
  BackupReport report_;
};

Result<void> Backup::check_role() {
  const auto rows = session_.query(kMayRead);
  if (!rows) return std::unexpected(rows.error());
  if (!rows->boolean(0, "has_schema")) {
    return fail(ErrorCode::not_found, "the database has no schema media: nothing to back up");
  }
  if (!rows->boolean(0, "is_owner")) {
    return fail(ErrorCode::unauthorized,
                "the role " + std::string(rows->text(0, "name")) +
                    " can't read all: connect as a superuser or a member of media_owner "
                    "(--conninfo, [backup] conninfo, or PGSERVICE)");
  }
  const auto lock = session_.query(kLock);
  if (!lock) return std::unexpected(lock.error());
  if (lock->boolean(0, "value")) return {};
  return fail(ErrorCode::conflict, "another backup of this database runs");
}

// What a killed run has left but contents, which are of use.
Result<void> Backup::clean_up(yield_context yield) {
  const auto snapshots = archive_.snapshots(yield);
  if (!snapshots) return std::unexpected(snapshots.error());
  for (const std::string& name : snapshots->partial) {
    if (auto removed = archive_.remove_snapshot(yield, name); !removed) return removed;
  }
  return {};
}

Result<void> Backup::choose_name(yield_context yield, std::int64_t taken_at) {
  const auto snapshots = archive_.snapshots(yield);
  if (!snapshots) return std::unexpected(snapshots.error());
  manifest().taken_at = taken_at;
  while (std::ranges::binary_search(snapshots->complete, snapshot_name(taken_at))) ++taken_at;
  manifest().snapshot = snapshot_name(taken_at);
  return {};
}

Result<void> Backup::dump(yield_context yield, const std::string& schema, std::string_view name) {
  auto upload = SnapshotUpload::begin(archive_);
  if (!upload) return std::unexpected(upload.error());
  auto environment = environment_for(options_.conninfo);
  if (!environment) return std::unexpected(environment.error());
  const auto ran = run_program({{"pg_dump", "--format=custom", "--no-password",
                                 "--schema=" + schema, "--snapshot=" + exported_},
                                std::move(*environment)},
                               [&](ByteView bytes) { return upload->append(bytes); });
  if (!ran) return ran;
  const auto file = upload->put(yield, archive_, manifest().snapshot, name);
  if (!file) return std::unexpected(file.error());
  manifest().files.push_back(*file);
  const auto again = archive_.open_file(yield, manifest().snapshot, *file);
  if (!again) return std::unexpected(again.error());
  return check_dump(again->get());
}

Result<void> Backup::list_files(yield_context yield) {
  if (auto declared = session_.execute(kNamedFiles); !declared) return declared;
  auto list = SnapshotUpload::begin(archive_);
  if (!list) return std::unexpected(list.error());
  std::string last;
  for (;;) {
    const auto rows = session_.query(kNext);
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) break;
    std::string lines;
    for (std::size_t row = 0; row < rows->size(); ++row) {
      const auto text = [&](const char* column) { return std::string(rows->text(row, column)); };
      const NamedFile file{hex_encode(rows->bytes(row, "sha256")),
                           static_cast<std::uint64_t>(rows->integer(row, "size")),
                           text("store"),
                           text("storage_key"),
                           text("mime_type"),
                           text("account_id"),
                           text("file_name")};
      manifest().named.add(file.size);
      if (file.sha256 != last) manifest().contents.add(file.size);
      last = file.sha256;
      lines += line_of(file);
    }
    if (auto written = list->append(as_bytes(lines)); !written) return written;
  }
  const auto file = list->put(yield, archive_, manifest().snapshot, kBlobList);
  if (!file) return std::unexpected(file.error());
  manifest().files.push_back(*file);
  return {};
}

// List and dump are of one instant, and the transaction is over before the long part.
Result<void> Backup::read_database(yield_context yield) {
  if (auto begun = session_.execute(kBegin); !begun) return begun;
  const auto moment = session_.query(kMoment);
  if (!moment) return std::unexpected(moment.error());
  exported_ = moment->text(0, "snapshot");
  manifest().program = kVersion;
  manifest().schema_version = moment->integer(0, "schema_version");
  if (auto named = choose_name(yield, moment->integer(0, "taken_at")); !named) return named;
  if (auto listed = list_files(yield); !listed) return listed;
  if (auto dumped = dump(yield, "media", kDatabaseDump); !dumped) return dumped;
  if (moment->boolean(0, "reads_registry")) {
    if (auto dumped = dump(yield, "sqitch", kRegistryDump); !dumped) return dumped;
  } else if (moment->boolean(0, "has_registry")) {
    add_problem(report_,
                "the role can't read Sqitch's registry, which is not in the backup: "
                "GRANT USAGE ON SCHEMA sqitch and SELECT ON ALL TABLES IN SCHEMA sqitch");
  }
  return session_.execute("COMMIT");
}

Result<void> Backup::copy_contents(yield_context yield, Inventory& inventory) {
  auto file = archive_.open_file(yield, manifest().snapshot, *manifest().find(kBlobList));
  if (!file) return std::unexpected(file.error());
  BlobListReader list(std::move(*file));
  ContentCopier copier(config_, archive_, inventory, stores_, session_, report_);
  ops::ProgressBar bar("contents", manifest().contents.files);
  std::int64_t done = 0;
  std::vector<NamedFile> same;
  NamedFile next;
  for (;;) {
    const auto is_there = list.next(next);
    if (!is_there) return std::unexpected(is_there.error());
    if (!same.empty() && (!*is_there || next.sha256 != same.front().sha256)) {
      if (auto taken = copier.take(yield, same); !taken) return taken;
      bar.set(++done);
      same.clear();
    }
    if (!*is_there) break;
    same.push_back(next);
  }
  if (copier.absent().empty()) return {};
  return put_text(yield, kAbsentList, copier.absent());
}

Result<void> Backup::put_text(yield_context yield, std::string_view name, std::string_view text) {
  auto upload = SnapshotUpload::begin(archive_);
  if (!upload) return std::unexpected(upload.error());
  if (auto written = upload->append(as_bytes(text)); !written) return written;
  const auto file = upload->put(yield, archive_, manifest().snapshot, name);
  if (!file) return std::unexpected(file.error());
  manifest().files.push_back(*file);
  return {};
}

Result<BackupReport> Backup::run(yield_context yield) {
  if (auto checked = check_role(); !checked) return std::unexpected(checked.error());
  if (auto cleaned = clean_up(yield); !cleaned) return std::unexpected(cleaned.error());
  auto inventory = take_inventory(yield, archive_, options_.verifies_all, report_);
  if (!inventory) return std::unexpected(inventory.error());
  if (auto read = read_database(yield); !read) return std::unexpected(read.error());
  if (auto copied = copy_contents(yield, *inventory); !copied) {
    return std::unexpected(copied.error());
  }
  const auto put = put_text(yield, "manifest.json", to_json(manifest()) + "\n");
  if (!put) return std::unexpected(put.error());
  if (options_.verifies_all) {
    if (auto verified = verify_snapshots(yield, archive_, *inventory, report_); !verified) {
      return std::unexpected(verified.error());
    }
  }
  if (auto pruned = prune(yield, options_.keep, archive_, report_); !pruned) {
    return std::unexpected(pruned.error());
  }
  return report_;
}

}  // namespace

Result<BackupReport> take_backup(yield_context yield, const Config& config,
                                 const BackupOptions& options, Archive& archive,
                                 storage::Stores& stores) {
  auto session = OperatorSession::open(options.conninfo);
  if (!session) return std::unexpected(std::move(session.error()).context("database"));
  return Backup(config, options, archive, stores, std::move(*session)).run(yield);
}

}  // namespace media::backup
