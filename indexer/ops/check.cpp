#include "indexer/ops/check.hpp"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/thread_pool.hpp>

#include "core/jwt.hpp"
#include "indexer/coroutine.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/scan/clamd_client.hpp"
#include "indexer/scan/second_opinion.hpp"
#include "indexer/storage/local_store.hpp"
#include "indexer/storage/stores.hpp"
#include "indexer/unique_fd.hpp"

namespace media::ops {
namespace {

constexpr double kMaxClockDifference = 5.0;
constexpr std::chrono::seconds kScannerPatience{10};

void check_keys(const Config& config, Report& report) {
  const auto jwt_key = read_key_file(config.auth.jwt_key_file);
  if (!jwt_key) {
    report.fail("jwt key", jwt_key.error().message, "");
  } else if (jwt_key->size() < kMinJwtKeySize) {
    report.fail("jwt key", "fewer than 32 bytes",
                "openssl rand -hex 32 > " + config.auth.jwt_key_file);
  } else {
    report.ok("jwt key");
  }
  const auto sealing_key = read_sealing_key(config.secrets.key_file);
  if (sealing_key) {
    report.ok("secrets key");
  } else {
    report.fail("secrets key", sealing_key.error().message, "");
  }
  for (const LinkKeyFile& file : config.links.keys) {
    const auto link_key = read_link_key(file);
    if (link_key) {
      report.ok("link key " + file.id);
    } else {
      report.fail("link key " + file.id, link_key.error().message, "");
    }
  }
}

void check_authorities(const Config& config, Report& report) {
  const std::string& path = config.fetch.ca_file;
  if (path.empty()) return;
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file) {
    report.ok("ca file");
  } else {
    report.fail("ca file", "can't read " + path + ": " + std::strerror(errno),
                "correct [fetch] ca_file, or leave it out for the system's");
  }
}

void check_store(const Config& config, Report& report) {
  boost::asio::thread_pool workers(1);
  const auto staging = storage::make_local_staging(config.storage.root, workers);
  if (const auto checked = staging->check(); !checked) {
    report.fail("storage root", checked.error().message,
                "mount it and make it writable for this user, or run media-indexer init");
    return;
  }
  report.ok("storage root");
  const UniqueFd unnamed(open(config.storage.root.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (unnamed) {
    report.ok("unnamed temporary files");
  } else {
    report.warn("unnamed temporary files",
                "this file system has none: a crash can leave files under .tmp/");
  }
}

// Those of the network: the storage root was looked at already.
void probe_object_stores(const Config& config, Report& report) {
  boost::asio::io_context loop(1);
  boost::asio::thread_pool workers(1);
  const auto stores = storage::make_stores(loop, workers, config);
  for (const S3StoreConfig& settings : config.storage.s3) {
    storage::BlobStore* store = stores->find(settings.name);
    Result<void> probed;
    spawn(loop, "probe", [&](boost::asio::yield_context yield) { probed = store->probe(yield); });
    loop.restart();
    loop.run();
    if (probed) {
      report.ok("store " + settings.name);
    } else {
      report.fail("store " + settings.name, probed.error().message,
                  "correct [storage." + settings.name + "], or run media-indexer buckets create");
    }
  }
}

void check_spool(const Config& config, Report& report) {
  const std::string& path = config.spool.directory;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    report.fail("spool", path + " is not there",
                "make it, owned by this user and with mode 0700, or run media-indexer init");
  } else if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    report.fail("spool", "can't write to " + path + ": " + std::strerror(errno),
                "give it to the user of the daemon");
  } else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    report.warn("spool", path + " is open to others: chmod 0700 " + path);
  } else {
    report.ok("spool");
  }
}

void check_libmagic(Report& report) {
  const auto opinion = scan::libmagic_type(as_bytes(std::string_view("plain words")));
  if (opinion) {
    report.ok("libmagic");
  } else {
    report.fail("libmagic", opinion.error().message, "");
  }
}

void check_scanner(const ScanConfig& config, Report& report) {
  if (config.clamd.empty()) return;
  boost::asio::io_context loop(1);
  boost::asio::thread_pool workers(1);
  scan::ClamdClient clamd(loop, workers, config.clamd,
                          std::min<std::chrono::milliseconds>(config.timeout, kScannerPatience));
  Result<void> answered;
  spawn(loop, "ping", [&](boost::asio::yield_context yield) { answered = clamd.ping(yield); });
  loop.run();
  if (answered) {
    report.ok("clamd");
  } else {
    report.fail("clamd", answered.error().message,
                "start clamav-daemon, let this user reach its socket, or correct [scan] clamd");
  }
}

// An account that nobody looks after is a warning: the daemon itself is well.
Result<void> look_at_accounts(db::Database& database, boost::asio::yield_context yield,
                              Report& report) {
  const auto rows = database.query(
      yield,
      "SELECT provider, external_id, host, reason, error,"
      " to_char(suspended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS since"
      " FROM media.list_suspensions()");
  if (!rows) return std::unexpected(rows.error());
  for (std::size_t row = 0; row < rows->size(); ++row) {
    const std::string host(rows->text(row, "host"));
    const bool needs_a_person = rows->text(row, "reason") == "unauthorized";
    report.warn(
        "account " + std::string(rows->text(row, "provider")) + " " +
            std::string(rows->text(row, "external_id")) + (host.empty() ? "" : " at " + host),
        "suspended since " + std::string(rows->text(row, "since")) + ": " +
            std::string(rows->text(row, "reason")) + ": " + printable(rows->text(row, "error"), 80),
        needs_a_person ? "give it a new credential with media-indexer account set" : "");
  }
  if (rows->empty()) report.ok("suspended accounts", "none");
  return {};
}

double unix_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Result<std::string> look_at_database(db::Database& database, boost::asio::yield_context yield,
                                     Report& report) {
  const auto version = database.query(yield, "SELECT media.schema_version() AS version");
  if (!version) return std::unexpected(version.error());
  report.ok("database connection");
  const auto fits = check_schema_version(version->integer(0, "version"));
  if (!fits) return std::unexpected(fits.error());
  report.ok("schema version");
  const auto rows = database.query(
      yield,
      "SELECT rolsuper, rolbypassrls, extract(epoch FROM clock_timestamp())::text AS clock "
      "FROM pg_roles WHERE rolname = current_user");
  if (!rows) return std::unexpected(rows.error());
  if (rows->boolean(0, "rolsuper") || rows->boolean(0, "rolbypassrls")) {
    report.warn("database role", "row-level security does not bind it: connect as media_indexer");
  } else {
    report.ok("database role");
  }
  const double difference =
      std::abs(std::strtod(std::string(rows->text(0, "clock")).c_str(), nullptr) - unix_now());
  if (difference > kMaxClockDifference) {
    report.fail("clock",
                "differs from the database's by " + std::to_string(std::lround(difference)) + " s",
                "run chrony or systemd-timesyncd on both hosts");
  } else {
    report.ok("clock");
  }
  if (auto looked = look_at_accounts(database, yield, report); !looked) {
    return std::unexpected(looked.error());
  }
  return std::string();
}

void check_database(const Config& config, Report& report) {
  const auto looked =
      with_database(config, [&](db::Database& database, boost::asio::yield_context yield) {
        return look_at_database(database, yield, report);
      });
  if (!looked) {
    report.fail("database", looked.error().message,
                looked.error().code == ErrorCode::unavailable
                    ? "start PostgreSQL, or correct [database] conninfo"
                    : "deploy the schema (sqitch deploy) and grant its functions to this role");
  }
}

}  // namespace

Result<void> check_schema_version(std::int64_t deployed) {
  if (deployed == kSchemaVersion) return {};
  const std::string versions = "the database has schema version " + std::to_string(deployed) +
                               ", this program needs " + std::to_string(kSchemaVersion);
  return fail(ErrorCode::conflict,
              versions + (deployed < kSchemaVersion ? ": run sqitch deploy"
                                                    : ": install a newer media-indexer"));
}

void check_everything(const Config& config, Report& report) {
  report.ok("settings " + config.path);
  check_keys(config, report);
  check_authorities(config, report);
  check_store(config, report);
  probe_object_stores(config, report);
  check_spool(config, report);
  check_libmagic(report);
  check_scanner(config.scan, report);
  check_database(config, report);
}

bool run_checks(const Config& config) {
  Report report([](const Finding& finding) { std::printf("%s\n", text_of(finding).c_str()); });
  check_everything(config, report);
  return report.worst() != Severity::failure;
}

}  // namespace media::ops
