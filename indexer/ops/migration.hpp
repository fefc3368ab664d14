#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "indexer/ops/file_copier.hpp"
#include "indexer/ops/file_moves.hpp"
#include "indexer/storage/stores.hpp"

namespace media::ops {

/// What a migration made of the files that it found.
struct MigrationTally {
  struct Failure {
    std::string key;
    std::string blob;
    std::string kind;
    std::string reason;  ///< code: text
  };

  Volume found;
  Volume moved;  ///< of a verification: were right
  Volume already_there;
  Volume failed;
  Volume vanished;                ///< deleted, or moved elsewhere, meanwhile
  std::int64_t renamed = 0;       ///< of the moved: their key was taken
  std::vector<Failure> failures;  ///< the first of them

  bool adds_up() const;
};

struct MigrationOptions {
  enum class Task { move, verify, roll_back };
  Task task = Task::move;
  std::string from;
  std::string to;
  std::size_t concurrency = 12;  ///< files under way, in whatever stage
};

/// Moves files from one store to another, one by one: copy, read back, compare, and only
/// then the row. Verifies what has been moved, or moves it back, likewise. What is done is
/// in the rows, so that it can be killed at any time and started again.
class Migration {
 public:
  using Told = std::function<void(const MigrationTally::Failure&)>;
  using Progressed = std::function<void(const MigrationTally&)>;
  /// Asked before each page; an error ends the migration.
  using MayGoOn = std::function<Result<void>(boost::asio::yield_context)>;

  Migration(boost::asio::io_context& loop, FileMoves& moves, storage::BlobStore& from,
            storage::BlobStore& to, storage::Staging& staging, ByteRate& rate,
            MigrationOptions options);

  void on_failure(Told told) { told_ = std::move(told); }
  void on_progress(Progressed progressed) { progressed_ = std::move(progressed); }
  void on_page(MayGoOn may_go_on) { may_go_on_ = std::move(may_go_on); }

  /// Goes through all files; those that fail are in the tally. Errors: what stops it.
  Result<void> run(boost::asio::yield_context yield);
  /// Begins no more files; run() returns when those under way are done.
  void stop() { is_stopping_ = true; }

  const MigrationTally& tally() const { return tally_; }
  bool is_stopped() const { return is_stopping_; }

 private:
  Result<std::vector<TrackedFile>> next_page(boost::asio::yield_context yield,
                                             const TrackedFile& after);
  Result<void> go_through(boost::asio::yield_context yield);
  void begin(boost::asio::yield_context yield, TrackedFile file);
  void wait_until_running(boost::asio::yield_context yield, std::size_t at_most);
  void finish(const TrackedFile& file, const Result<MoveOutcome>& outcome);
  Result<MoveOutcome> handle(boost::asio::yield_context yield, const TrackedFile& file);
  Result<MoveOutcome> move(boost::asio::yield_context yield, const TrackedFile& file);
  Result<MoveOutcome> move_as(boost::asio::yield_context yield, const TrackedFile& file,
                              const std::string& key);
  Result<MoveOutcome> verify(boost::asio::yield_context yield, const TrackedFile& file);
  Result<MoveOutcome> roll_back(boost::asio::yield_context yield, const TrackedFile& file);
  Result<MoveOutcome> missing(boost::asio::yield_context yield, const TrackedFile& file,
                              const std::string& store, Error error);

  boost::asio::io_context& loop_;
  FileMoves& moves_;
  storage::BlobStore& from_;
  storage::BlobStore& to_;
  ByteRate& rate_;
  FileCopier copier_;
  const MigrationOptions options_;
  Told told_;
  Progressed progressed_;
  MayGoOn may_go_on_;
  MigrationTally tally_;
  boost::asio::steady_timer changed_;
  std::size_t running_ = 0;
  int failures_in_a_row_ = 0;
  bool is_stopping_ = false;
};

}  // namespace media::ops
