#include "indexer/ops/backup/restored_database.hpp"

#include "indexer/ops/backup/child_process.hpp"
#include "indexer/ops/backup/roles_sql.hpp"

namespace media::backup {
namespace {

constexpr const char* kHasTables =
    "SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = to_regnamespace('media'))"
    " OR EXISTS (SELECT FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace('media')) AS "
    "value";
// As sql/deploy/schema.sql has it: what belongs to no schema is not in the dump of one.
constexpr const char* kOutsideOfSchema =
    "ALTER DEFAULT PRIVILEGES FOR ROLE media_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC; "
    "DO $$ BEGIN"
    " EXECUTE format('GRANT CONNECT ON DATABASE %I TO media_indexer, media_nginx', "
    "current_database()); "
    "END $$";
constexpr const char* kResetJobs =
    "WITH held AS ("
    "UPDATE media.jobs SET lease_owner = NULL, lease_until = NULL, is_ready = TRUE,"
    " attempts = greatest(attempts - 1, 0) WHERE lease_owner IS NOT NULL RETURNING media_id"
    "), again AS ("
    "UPDATE media.media_files AS m SET download_status = 'pending',"
    " download_attempts = greatest(m.download_attempts - 1, 0)"
    " FROM held AS h WHERE m.id = h.media_id AND m.download_status = 'downloading'"
    ") SELECT count(*) AS value FROM held";
constexpr const char* kTellEverybody =
    "SELECT pg_notify('media_changed', '*'), pg_notify('media_session_changed', '*'),"
    " pg_notify('media_jobs', 'download')";

}  // namespace

Result<RestoredDatabase> RestoredDatabase::open(const std::string& conninfo) {
  auto session = OperatorSession::open(conninfo);
  if (!session) return std::unexpected(std::move(session.error()).context("database"));
  return RestoredDatabase(conninfo, std::move(*session));
}

Result<void> RestoredDatabase::check_empty() {
  const auto rows = session_.query(kHasTables);
  if (!rows) return std::unexpected(rows.error());
  if (!rows->boolean(0, "value")) return {};
  return fail(ErrorCode::conflict,
              "the database has a schema media already: restore to another database, or first "
              "drop it there (DROP SCHEMA media CASCADE)");
}

Result<bool> RestoredDatabase::has_registry() {
  const auto rows = session_.query("SELECT to_regnamespace('sqitch') IS NOT NULL AS value");
  if (!rows) return std::unexpected(rows.error());
  return rows->boolean(0, "value");
}

Result<void> RestoredDatabase::run_pg_restore(int dump, const std::vector<std::string>& options) {
  auto environment = environment_for(conninfo_);
  if (!environment) return std::unexpected(environment.error());
  Program program{{"pg_restore", "--single-transaction", "--exit-on-error", "--no-password",
                   "--dbname=application_name=media-indexer"},
                  std::move(*environment),
                  dump};
  program.arguments.insert(program.arguments.end(), options.begin(), options.end());
  return run_program(program, [](ByteView) -> Result<void> { return {}; });
}

Result<void> RestoredDatabase::load(int dump) {
  if (auto made = session_.execute(kRolesSql); !made) {
    return std::unexpected(std::move(made.error()).context("making roles"));
  }
  // An empty one; one with anything in it is not dropped.
  if (auto dropped = session_.execute("DROP SCHEMA IF EXISTS media"); !dropped) return dropped;
  if (auto loaded = run_pg_restore(dump, {}); !loaded) return loaded;
  return session_.execute(kOutsideOfSchema);
}

Result<void> RestoredDatabase::load_registry(int dump) {
  return run_pg_restore(dump, {"--no-owner", "--no-privileges"});
}

Result<std::int64_t> RestoredDatabase::settle(const std::vector<NamedFile>& deleted,
                                              const std::string& into) {
  if (auto begun = session_.execute("BEGIN; SET LOCAL media.actor = 'restore'"); !begun) {
    return std::unexpected(begun.error());
  }
  const auto jobs = session_.query(kResetJobs);
  if (!jobs) return std::unexpected(jobs.error());
  for (const NamedFile& file : deleted) {
    if (auto forgotten = forget(file); !forgotten) return std::unexpected(forgotten.error());
  }
  if (!into.empty()) {
    for (const char* table : {"media.blobs", "media.renditions"}) {
      const auto moved = session_.query(
          "UPDATE " + std::string(table) + " SET store = $1 WHERE store <> $1", {into});
      if (!moved) return std::unexpected(moved.error());
    }
  }
  // Files without a reference were not restored.
  if (auto done = session_.execute("DELETE FROM media.doomed_files"); !done) {
    return std::unexpected(done.error());
  }
  if (const auto told = session_.query(kTellEverybody); !told) {
    return std::unexpected(told.error());
  }
  if (auto done = session_.execute("COMMIT; ANALYZE"); !done) return std::unexpected(done.error());
  return jobs->integer(0, "value");
}

// As if it had been deleted just before the snapshot.
Result<void> RestoredDatabase::forget(const NamedFile& file) {
  const db::Params place = {file.store, file.key};
  const std::vector<std::pair<std::string, db::Params>> statements = {
      {"UPDATE media.media_files AS m SET is_active = FALSE FROM media.blobs AS b"
       " WHERE b.store = $1 AND b.storage_key = $2 AND m.blob_id = b.id AND m.is_active",
       place},
      {"UPDATE media.blobs SET state = 'gone' WHERE store = $1 AND storage_key = $2", place},
      {"DELETE FROM media.renditions WHERE store = $1 AND storage_key = $2", place},
      {"WITH gone AS (DELETE FROM media.quarantine WHERE $1 = ':quarantine' AND media_id::text = $2"
       " RETURNING media_id) UPDATE media.media_files AS m SET download_status = 'failed'"
       " FROM gone AS g WHERE m.id = g.media_id",
       place}};
  for (const auto& [sql, params] : statements) {
    if (const auto done = session_.query(sql, params); !done) {
      return std::unexpected(done.error());
    }
  }
  return {};
}

}  // namespace media::backup
