#include <cstdio>
#include <ctime>

#include <boost/asio/thread_pool.hpp>

#include "indexer/coroutine.hpp"
#include "indexer/json.hpp"
#include "indexer/log.hpp"
#include "indexer/ops/backup/backup.hpp"
#include "indexer/ops/backup/restore.hpp"
#include "indexer/ops/check.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/diagnosis.hpp"
#include "indexer/ops/text_table.hpp"
#include "indexer/storage/stores.hpp"

namespace media::ops {
namespace {

using backup::Amount;
using backup::Archive;
using boost::asio::yield_context;
using Table = std::vector<std::vector<std::string>>;

std::vector<std::string> row(const std::string& what, const Amount& amount,
                             const std::string& note = "") {
  return {what, std::to_string(amount.files), bytes_text(static_cast<std::uint64_t>(amount.bytes)),
          note};
}

Json amount_json(const Amount& amount) {
  return Json::object().set("files", amount.files).set("bytes", amount.bytes);
}

// Runs work on an archive with a loop of its own.
template <class Report>
Result<Report> with_archive(
    const Config& config, const std::string& where, Archive::Purpose purpose,
    const std::function<Result<Report>(yield_context, Archive&, storage::Stores&)>& work) {
  log::set_level(log::Level::error);
  boost::asio::io_context loop(1);
  boost::asio::thread_pool workers(2);
  Result<Report> result = fail(ErrorCode::internal, "the command did not finish");
  // Stores end with the work: connections that they keep would keep the loop running.
  spawn(loop, "command", [&](yield_context yield) {
    const auto stores = storage::make_stores(loop, workers, config);
    const auto archive = Archive::open(where, purpose, config, workers, *stores);
    result = archive ? work(yield, **archive, *stores) : std::unexpected(archive.error());
  });
  loop.run();
  return result;
}

int finish(const std::string& text, const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) {
    std::fprintf(stderr, "media-indexer: %s\n", printable(problem).c_str());
  }
  std::printf("%s\n", text.c_str());
  return problems.empty() ? 0 : 1;
}

int failed(const Error& error) {
  std::fprintf(stderr, "media-indexer: %s\n", error.message.c_str());
  return 1;
}

std::string report_json(const backup::BackupReport& report) {
  Json problems = Json::array();
  for (const std::string& problem : report.problems) problems.push(Json::string(problem));
  const backup::Manifest& manifest = report.manifest;
  return Json::object()
      .set("snapshot", manifest.snapshot)
      .set("taken_at", manifest.taken_at)
      .set("named", amount_json(manifest.named))
      .set("contents", amount_json(manifest.contents))
      .set("written", amount_json(report.written))
      .set("linked", amount_json(report.linked))
      .set("present", amount_json(report.present))
      .set("deleted", manifest.deleted)
      .set("missing", manifest.missing)
      .set("corrupt", manifest.corrupt)
      .set("verified", amount_json(report.verified))
      .set("snapshots", report.snapshots)
      .set("snapshots_removed", report.snapshots_removed)
      .set("blobs_removed", amount_json(report.blobs_removed))
      .set("problems", problems)
      .dump();
}

std::string report_text(const backup::BackupReport& report) {
  const backup::Manifest& manifest = report.manifest;
  Table table = {
      row("files", manifest.named, "named by the database"),
      row("contents", manifest.contents, "of these, each once:"),
      row("  written", report.written, std::to_string(report.linked.files) + " of them linked"),
      row("  present", report.present, "since an earlier backup"),
      {"  deleted", std::to_string(manifest.deleted), "", "while the backup ran"},
      {"  missing", std::to_string(manifest.missing)},
      {"  corrupt", std::to_string(manifest.corrupt)}};
  if (report.verified.files > 0) table.push_back(row("verified", report.verified, "read again"));
  if (report.snapshots_removed > 0) table.push_back(row("removed", report.blobs_removed));
  return "snapshot " + manifest.snapshot + "\n" + text_table(table, "  ") +
         "\nsnapshots: " + std::to_string(report.snapshots) +
         (report.snapshots_removed > 0 ? ", removed: " + std::to_string(report.snapshots_removed)
                                       : "");
}

std::string report_json(const backup::RestoreReport& report, bool is_dry_run) {
  return Json::object()
      .set("snapshot", report.manifest.snapshot)
      .set("named", amount_json(report.manifest.named))
      .set("written", amount_json(report.written))
      .set("present", amount_json(report.present))
      .set("absent", amount_json(report.absent))
      .set("jobs_reset", report.jobs_reset)
      .set("has_registry", report.has_registry)
      .set("is_dry_run", is_dry_run)
      .dump();
}

std::string report_text(const backup::RestoreReport& report, bool is_dry_run) {
  const Table table = {row("files", report.manifest.named, "named by the database:"),
                       row("  written", report.written),
                       row("  present", report.present, "since an earlier attempt"),
                       row("  absent", report.absent, "not in the backup either")};
  std::string text = "snapshot " + report.manifest.snapshot + "\n" + text_table(table, "  ") + "\n";
  if (is_dry_run) return text + "DRY RUN: nothing was written";
  text +=
      "database: restored; jobs that ran and are due again: " + std::to_string(report.jobs_reset);
  if (report.manifest.schema_version < kSchemaVersion) {
    text += "\nnext: sqitch deploy, the schema is of an earlier version";
  }
  if (!report.has_registry) text += "\nnext: sqitch deploy --log-only, its registry was not saved";
  return text;
}

}  // namespace

int backup(const Config& config, const CommandLine& line) {
  const std::string where = line.to.empty() ? config.backup.to : line.to;
  if (where.empty()) {
    return failed({ErrorCode::invalid_argument, "where to? Give --to, or set [backup] to"});
  }
  const backup::BackupOptions options{
      line.conninfo.empty() ? config.backup.conninfo : line.conninfo, line.is_verifying,
      line.keep.value_or(config.backup.keep)};
  const auto report = with_archive<backup::BackupReport>(
      config, where, Archive::Purpose::write,
      [&](yield_context yield, Archive& archive, storage::Stores& stores) {
        return backup::take_backup(yield, config, options, archive, stores);
      });
  if (!report) return failed(report.error());
  return finish(line.as_json ? report_json(*report) : report_text(*report), report->problems);
}

int restore(const Config& config, const CommandLine& line) {
  const backup::RestoreOptions options{
      line.conninfo.empty() ? config.backup.conninfo : line.conninfo, line.snapshot, line.into,
      line.is_dry_run};
  const auto report = with_archive<backup::RestoreReport>(
      config, line.from, Archive::Purpose::read,
      [&](yield_context yield, Archive& archive, storage::Stores& stores) {
        return backup::restore(yield, options, archive, stores);
      });
  if (!report) return failed(report.error());
  return finish(
      line.as_json ? report_json(*report, line.is_dry_run) : report_text(*report, line.is_dry_run),
      {});
}

void look_at_backup(const Config& config, Report& report) {
  constexpr std::int64_t kOld = std::int64_t{2} * 86400;
  if (config.backup.to.empty()) return;
  const std::string remedy = "media-indexer backup; is media-indexer-backup.timer enabled?";
  const auto newest = with_archive<backup::Manifest>(
      config, config.backup.to, Archive::Purpose::look,
      [](yield_context yield, Archive& archive, storage::Stores&) -> Result<backup::Manifest> {
        const auto snapshots = archive.snapshots(yield);
        if (!snapshots) return std::unexpected(snapshots.error());
        if (snapshots->complete.empty()) return fail(ErrorCode::not_found, "there is none yet");
        return archive.manifest(yield, snapshots->complete.back());
      });
  if (!newest) {
    report.warn("backup", newest.error().message, remedy);
    return;
  }
  const std::int64_t age = std::time(nullptr) - newest->taken_at;
  const std::string text = "the newest is " + rough_duration(age) + " old";
  const std::int64_t lost = newest->missing + newest->corrupt;
  if (lost > 0) {
    report.warn("backup", std::to_string(lost) + " contents were missing or corrupt",
                "media-indexer fsck tells which");
  } else if (age > kOld) {
    report.warn("backup", text, remedy);
  } else {
    report.ok("backup", text);
  }
}

}  // namespace media::ops
