#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/coroutine.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/migration_report.hpp"
#include "indexer/ops/text_table.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using Task = MigrationOptions::Task;
using Clock = std::chrono::steady_clock;

// Rows are written by one of them, for all files that are ready.
constexpr std::size_t kConnections = 4;
// All rows are counted at the start.
constexpr std::chrono::minutes kCountingTime{10};

db::DatabaseOptions database_options(const Config& config, std::size_t connections) {
  db::DatabaseOptions options;
  options.conninfo = config.database.conninfo;
  options.connections = connections;
  options.query_timeout = kCountingTime;
  return options;
}

MigrationOptions options_of(const CommandLine& line) {
  MigrationOptions options;
  options.task = line.is_rolling_back     ? Task::roll_back
                 : line.is_verifying_only ? Task::verify
                                          : Task::move;
  options.from = line.from;
  options.to = line.to;
  options.concurrency = line.concurrency;
  return options;
}

/// One run of the command: what it uses, in the order in which it must go.
class MigrateCommand {
 public:
  MigrateCommand(const Config& config, const CommandLine& line)
      : line_(line),
        loop_(1),
        workers_(std::max<std::size_t>(line.concurrency, 2)),
        database_(loop_, database_options(config, kConnections)),
        uploads_(storage::make_postgres_upload_journal(database_)),
        stores_(storage::make_stores(loop_, workers_, config, uploads_.get())),
        lock_(loop_, database_options(config, 1)),
        rate_(loop_, line.rate),
        signals_(loop_) {
    summary_.options = options_of(line);
    summary_.is_dry_run = line.is_dry_run;
  }

  int run() {
    Result<void> outcome = fail(ErrorCode::internal, "the command did not finish");
    spawn(loop_, "command", [&](yield_context yield) {
      outcome = work(yield);
      signals_.cancel();
      stores_->cancel_all();
      lock_.close();
      database_.close();
    });
    loop_.run();
    return finish(outcome);
  }

 private:
  Result<void> work(yield_context yield);
  Result<storage::BlobStore*> find_store(const std::string& name);
  Result<void> probe(yield_context yield, storage::BlobStore& from, storage::BlobStore& to);
  Result<FileSelection> select(yield_context yield);
  Result<Volume> estimate(yield_context yield, FileMoves& moves);
  Result<void> migrate(yield_context yield, FileMoves& moves, storage::BlobStore& from,
                       storage::BlobStore& to);
  Result<void> hold_lock(yield_context yield);
  int finish(const Result<void>& outcome);

  const CommandLine& line_;
  boost::asio::io_context loop_;
  boost::asio::thread_pool workers_;
  db::Database database_;
  std::unique_ptr<storage::UploadJournal> uploads_;
  std::unique_ptr<storage::Stores> stores_;
  db::Database lock_;  ///< whose one session has the lock
  ByteRate rate_;
  boost::asio::signal_set signals_;
  MigrationSummary summary_;
  std::unique_ptr<Migration> migration_;
  bool has_begun_ = false;
};

Result<storage::BlobStore*> MigrateCommand::find_store(const std::string& name) {
  storage::BlobStore* store = stores_->find(name);
  if (store != nullptr) return store;
  std::string known;
  for (const storage::BlobStore* one : stores_->all()) {
    known += (known.empty() ? "" : ", ") + std::string(one->name());
  }
  return fail(ErrorCode::not_found, "no store '" + name + "' in the configuration, which has " +
                                        known + ": [storage." + name + "] would make one");
}

// A store that can't be used should not be found out about by every file.
Result<void> MigrateCommand::probe(yield_context yield, storage::BlobStore& from,
                                   storage::BlobStore& to) {
  const bool is_back = summary_.options.task == Task::roll_back;
  storage::BlobStore& written = is_back ? from : to;
  storage::BlobStore& read = is_back ? to : from;
  if (auto checked = read.check(); !checked && !is_back) {
    return std::unexpected(std::move(checked.error()).context("store " + std::string(read.name())));
  }
  if (auto probed = written.probe(yield); !probed) {
    return std::unexpected(
        std::move(probed.error()).context("store " + std::string(written.name())));
  }
  return {};
}

Result<FileSelection> MigrateCommand::select(yield_context yield) {
  FileSelection selection;
  if (!line_.company.empty()) {
    auto company = find_company(database_, yield, line_.company);
    if (!company) return std::unexpected(company.error());
    selection.company = std::move(*company);
  }
  if (line_.external_id.empty()) return selection;
  const auto rows = database_.query(yield, "SELECT id FROM media.find_accounts($1, $2) AS id",
                                    {selection.company, line_.external_id});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return fail(ErrorCode::not_found, "no account '" + line_.external_id + "'");
  std::vector<std::string> accounts;
  accounts.reserve(rows->size());
  for (std::size_t row = 0; row < rows->size(); ++row) accounts.emplace_back(rows->text(row, "id"));
  selection.accounts = db::text_array(accounts);
  return selection;
}

Result<Volume> MigrateCommand::estimate(yield_context yield, FileMoves& moves) {
  const MigrationOptions& options = summary_.options;
  if (options.task != Task::roll_back) {
    return moves.count(yield, options.task == Task::move ? options.from : options.to);
  }
  Volume all;
  TrackedFile last;
  for (;;) {
    const auto page = moves.undoable(yield, options.from, options.to, last);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return all;
    last = page->back();
    for (const TrackedFile& file : *page) all.bytes += file.size;
    all.files += static_cast<std::int64_t>(page->size());
  }
}

Result<void> MigrateCommand::hold_lock(yield_context yield) {
  const auto rows = lock_.query(yield, "SELECT media.try_lock_moves($1, $2) AS is_locked",
                                {line_.from, line_.to});
  if (!rows) return std::unexpected(rows.error());
  if (rows->boolean(0, "is_locked")) return {};
  return fail(ErrorCode::conflict, "another `media-indexer migrate` between " + line_.from +
                                       " and " + line_.to + " is running: wait for it, or stop it");
}

Result<void> MigrateCommand::migrate(yield_context yield, FileMoves& moves,
                                     storage::BlobStore& from, storage::BlobStore& to) {
  auto total = estimate(yield, moves);
  if (!total) return std::unexpected(total.error());
  if (summary_.options.task == Task::move) {
    const auto there = moves.count(yield, line_.to);
    if (!there) return std::unexpected(there.error());
    summary_.tally.already_there = *there;
    total->files += there->files;
    total->bytes += there->bytes;
  }
  if (line_.is_dry_run) {
    summary_.tally.found = *total;
    summary_.tally.moved = {total->files - summary_.tally.already_there.files,
                            total->bytes - summary_.tally.already_there.bytes};
    return {};
  }
  migration_ = std::make_unique<Migration>(loop_, moves, from, to, stores_->staging(), rate_,
                                           summary_.options);
  MigrationProgress progress(line_.is_verifying_only ? "verify" : "migrate", *total);
  migration_->on_failure([](const MigrationTally::Failure& failure) {
    std::fprintf(stderr, "%s (blob %s): %s\n", printable(failure.key).c_str(), failure.blob.c_str(),
                 printable(failure.reason).c_str());
  });
  migration_->on_progress([&](const MigrationTally& tally) { progress.show(tally); });
  if (!line_.is_verifying_only) {
    migration_->on_page([this](yield_context own) { return hold_lock(own); });
  }
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (!error) migration_->stop();
  });
  auto gone_through = migration_->run(yield);
  summary_.tally = migration_->tally();
  if (gone_through && migration_->is_stopped()) {
    return fail(ErrorCode::cancelled, "stopped; started again, it goes on from here");
  }
  return gone_through;
}

Result<void> MigrateCommand::work(yield_context yield) {
  const auto from = find_store(line_.from);
  if (!from) return std::unexpected(from.error());
  const auto to = find_store(line_.to);
  if (!to) return std::unexpected(to.error());
  auto selection = select(yield);
  if (!selection) return std::unexpected(selection.error());
  const bool writes = !line_.is_verifying_only && !line_.is_dry_run;
  if (writes) {
    if (auto locked = hold_lock(yield); !locked) return locked;
    if (auto probed = probe(yield, **from, **to); !probed) return probed;
  }
  FileMoves moves(loop_, database_, std::move(*selection));
  signals_.add(SIGINT);
  signals_.add(SIGTERM);
  has_begun_ = true;
  const auto started = Clock::now();
  auto migrated = migrate(yield, moves, **from, **to);
  summary_.took = Clock::now() - started;
  const auto left =
      moves.count(yield, summary_.options.task == Task::roll_back ? line_.to : line_.from);
  if (left) summary_.left = *left;
  return migrated;
}

int MigrateCommand::finish(const Result<void>& outcome) {
  if (has_begun_) {
    const std::string text = line_.as_json ? summary_json(summary_) : summary_text(summary_);
    std::printf("%s\n", text.c_str());
  }
  if (!outcome) {
    std::fprintf(stderr, "media-indexer: %s\n", outcome.error().message.c_str());
    return 1;
  }
  if (!summary_.tally.adds_up()) {
    std::fprintf(stderr, "media-indexer: the table does not add up, which is a bug\n");
    return 1;
  }
  return summary_.tally.failed.files == 0 ? 0 : 1;
}

}  // namespace

int migrate(const Config& config, const CommandLine& line) {
  return MigrateCommand(config, line).run();
}

}  // namespace media::ops
