#include "indexer/ops/migration_report.hpp"

#include <array>
#include <cmath>
#include <utility>

#include "indexer/json.hpp"
#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

using Task = MigrationOptions::Task;

std::string done_word(const MigrationSummary& summary) {
  switch (summary.options.task) {
    case Task::move:
      return summary.is_dry_run ? "to be moved" : "moved";
    case Task::verify:
      return summary.is_dry_run ? "to be read" : "right";
    case Task::roll_back:
      return summary.is_dry_run ? "to be moved back" : "moved back";
  }
  return "moved";
}

std::vector<std::string> row(std::string name, const Volume& volume) {
  return {std::move(name), std::to_string(volume.files), std::to_string(volume.bytes)};
}

Json json_of(const Volume& volume) {
  return Json::object()
      .set("files", volume.files)
      .set("bytes", static_cast<std::int64_t>(volume.bytes));
}

Json json_of(const MigrationTally::Failure& failure) {
  return Json::object()
      .set("key", failure.key)
      .set("blob", failure.blob)
      .set("rendition", failure.kind)
      .set("reason", failure.reason);
}

}  // namespace

std::string summary_text(const MigrationSummary& summary) {
  const MigrationTally& tally = summary.tally;
  std::string text = text_table({{"", "files", "bytes"},
                                 row("found", tally.found),
                                 row(done_word(summary), tally.moved),
                                 row("already there", tally.already_there),
                                 row("failed", tally.failed),
                                 row("vanished", tally.vanished)});
  const bool has_moved = summary.options.task != Task::verify && !summary.is_dry_run;
  if (has_moved) {
    const bool is_back = summary.options.task == Task::roll_back;
    const std::string& source = is_back ? summary.options.to : summary.options.from;
    text += "left in " + source + ": " + std::to_string(summary.left.files) + " files, " +
            std::to_string(summary.left.bytes) + " bytes\n";
  }
  if (tally.renamed > 0) {
    text += "renamed, because their key was taken: " + std::to_string(tally.renamed) + "\n";
  }
  text += "in " + rough_duration(std::lround(summary.took.count()));
  return text;
}

std::string summary_json(const MigrationSummary& summary) {
  constexpr std::array<const char*, 3> kTasks = {"move", "verify", "rollback"};
  const MigrationTally& tally = summary.tally;
  Json failures = Json::array();
  for (const auto& failure : tally.failures) failures.push(json_of(failure));
  return Json::object()
      .set("task", kTasks.at(static_cast<std::size_t>(summary.options.task)))
      .set("from", summary.options.from)
      .set("to", summary.options.to)
      .set("dry_run", summary.is_dry_run)
      .set("found", json_of(tally.found))
      .set("moved", json_of(tally.moved))
      .set("already_there", json_of(tally.already_there))
      .set("failed", json_of(tally.failed))
      .set("vanished", json_of(tally.vanished))
      .set("renamed", tally.renamed)
      .set("left", json_of(summary.left))
      .set("milliseconds", static_cast<std::int64_t>(summary.took.count() * 1000))
      .set("failures", failures)
      .dump();
}

std::string transfer_text(std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> took, std::uint64_t moved) {
  const double rate = took.count() > 0 ? static_cast<double>(moved) / took.count() : 0;
  std::string text = human_bytes(static_cast<std::int64_t>(done)) + " of " +
                     human_bytes(static_cast<std::int64_t>(total)) + ", " +
                     human_bytes(static_cast<std::int64_t>(rate)) + "/s";
  if (rate < 1 || done >= total) return text;
  return text + ", " + rough_duration(std::lround(static_cast<double>(total - done) / rate)) +
         " left";
}

MigrationProgress::MigrationProgress(std::string label, Volume total)
    : total_(total), bar_(std::move(label), total.files) {}

void MigrationProgress::show(const MigrationTally& tally) {
  constexpr std::chrono::milliseconds kPause{200};
  const auto now = Clock::now();
  const std::int64_t files =
      tally.moved.files + tally.already_there.files + tally.failed.files + tally.vanished.files;
  if (now - drawn_ < kPause && files < total_.files) return;
  drawn_ = now;
  const std::uint64_t bytes =
      tally.moved.bytes + tally.already_there.bytes + tally.failed.bytes + tally.vanished.bytes;
  bar_.set(files, transfer_text(bytes, total_.bytes, now - started_, tally.moved.bytes));
}

}  // namespace media::ops
