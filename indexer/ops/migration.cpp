#include "indexer/ops/migration.hpp"

#include <chrono>

#include "core/storage_key.hpp"
#include "indexer/coroutine.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using Task = MigrationOptions::Task;

constexpr int kMaxKeyVariants = 20;
constexpr std::size_t kFailuresTold = 1000;
// A store that is away would fail them all, one time-out each.
constexpr int kHopeless = 50;

void add(Volume& volume, const TrackedFile& file) {
  ++volume.files;
  volume.bytes += file.size;
}

}  // namespace

bool MigrationTally::adds_up() const {
  return found.files == moved.files + already_there.files + failed.files + vanished.files &&
         found.bytes == moved.bytes + already_there.bytes + failed.bytes + vanished.bytes;
}

Migration::Migration(boost::asio::io_context& loop, FileMoves& moves, storage::BlobStore& from,
                     storage::BlobStore& to, storage::Staging& staging, ByteRate& rate,
                     MigrationOptions options)
    : loop_(loop),
      moves_(moves),
      from_(from),
      to_(to),
      rate_(rate),
      copier_(from, to, staging, rate),
      options_(std::move(options)),
      changed_(loop) {}

Result<void> Migration::run(yield_context yield) {
  if (options_.task == Task::move) {
    const auto there = moves_.count(yield, options_.to);
    if (!there) return std::unexpected(there.error());
    tally_.found = tally_.already_there = *there;
  }
  auto gone_through = go_through(yield);
  wait_until_running(yield, 0);
  return gone_through;
}

Result<void> Migration::go_through(yield_context yield) {
  TrackedFile last;
  while (!is_stopping_) {
    if (may_go_on_) {
      if (auto may = may_go_on_(yield); !may) return may;
    }
    auto page = next_page(yield, last);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) return {};
    last = page->back();
    for (TrackedFile& file : *page) {
      wait_until_running(yield, options_.concurrency - 1);
      if (is_stopping_) break;
      if (failures_in_a_row_ >= kHopeless) {
        return fail(ErrorCode::storage, "given up after " + std::to_string(kHopeless) +
                                            " failures in a row; the rest was not tried");
      }
      begin(yield, std::move(file));
    }
  }
  return {};
}

Result<std::vector<TrackedFile>> Migration::next_page(yield_context yield,
                                                      const TrackedFile& after) {
  switch (options_.task) {
    case Task::move:
      return moves_.files(yield, options_.from, after);
    case Task::verify:
      return moves_.files(yield, options_.to, after);
    case Task::roll_back:
      return moves_.undoable(yield, options_.from, options_.to, after);
  }
  return fail(ErrorCode::internal, "no such task");
}

void Migration::begin(yield_context, TrackedFile file) {
  add(tally_.found, file);
  ++running_;
  spawn(loop_, "migrate", [this, file = std::move(file)](yield_context own) {
    finish(file, handle(own, file));
    --running_;
    changed_.cancel();
  });
}

void Migration::wait_until_running(yield_context yield, std::size_t at_most) {
  while (running_ > at_most) {
    changed_.expires_at(boost::asio::steady_timer::time_point::max());
    boost::system::error_code ignored;
    changed_.async_wait(yield[ignored]);
  }
}

void Migration::finish(const TrackedFile& file, const Result<MoveOutcome>& outcome) {
  if (outcome && *outcome == MoveOutcome::moved) {
    add(tally_.moved, file);
  } else if (outcome && *outcome == MoveOutcome::already_there) {
    add(tally_.already_there, file);
  } else if (outcome && *outcome == MoveOutcome::vanished) {
    add(tally_.vanished, file);
  } else {
    const std::string reason =
        outcome ? "conflict: the key is taken or being removed; try again tomorrow"
                : std::string(name_of(outcome.error().code)) + ": " + outcome.error().message;
    const MigrationTally::Failure failure{file.key, file.blob, file.kind, reason};
    add(tally_.failed, file);
    if (tally_.failures.size() < kFailuresTold) tally_.failures.push_back(failure);
    if (told_) told_(failure);
  }
  const bool has_failed = !outcome || *outcome > MoveOutcome::vanished;
  failures_in_a_row_ = has_failed ? failures_in_a_row_ + 1 : 0;
  if (progressed_) progressed_(tally_);
}

Result<MoveOutcome> Migration::handle(yield_context yield, const TrackedFile& file) {
  switch (options_.task) {
    case Task::move:
      return move(yield, file);
    case Task::verify:
      return verify(yield, file);
    case Task::roll_back:
      return roll_back(yield, file);
  }
  return fail(ErrorCode::internal, "no such task");
}

Result<MoveOutcome> Migration::move(yield_context yield, const TrackedFile& file) {
  Result<MoveOutcome> outcome = MoveOutcome::key_taken;
  for (int number = 0; number < kMaxKeyVariants; ++number) {
    const std::string key = number == 0 ? file.key : numbered_storage_key(file.key, number);
    outcome = move_as(yield, file, key);
    if (!outcome || *outcome < MoveOutcome::key_doomed) return outcome;
  }
  return outcome;
}

Result<MoveOutcome> Migration::move_as(yield_context yield, const TrackedFile& file,
                                       const std::string& key) {
  const auto copied = copier_.copy(yield, file, key);
  if (!copied) return missing(yield, file, options_.from, copied.error());
  if (auto right = verify_file(yield, to_, *copied, file); !right) {
    // Nobody wants it; that it could not be noted as well is no news.
    [[maybe_unused]] const auto noted = moves_.discard(yield, options_.to, *copied);
    return std::unexpected(std::move(right.error()).context("the copy in " + options_.to));
  }
  const auto outcome = moves_.move(yield, file, options_.from, options_.to, *copied);
  if (outcome && *outcome == MoveOutcome::moved && *copied != file.key) ++tally_.renamed;
  return outcome;
}

Result<MoveOutcome> Migration::verify(yield_context yield, const TrackedFile& file) {
  rate_.take(yield, file.size);
  const auto right = verify_file(yield, to_, file.key, file);
  if (!right) return missing(yield, file, options_.to, right.error());
  return MoveOutcome::moved;
}

// The other way, but without a copy: the old one is still there.
Result<MoveOutcome> Migration::roll_back(yield_context yield, const TrackedFile& file) {
  rate_.take(yield, file.size);
  if (auto right = verify_file(yield, from_, file.old_key, file); !right) {
    return std::unexpected(std::move(right.error()).context(file.old_key + " in " + options_.from));
  }
  return moves_.move(yield, file, options_.to, options_.from, file.old_key);
}

// A file that is not right is no failure when its row has gone elsewhere meanwhile.
Result<MoveOutcome> Migration::missing(yield_context yield, const TrackedFile& file,
                                       const std::string& store, Error error) {
  const auto is_there = moves_.is_stored_at(yield, file, store);
  if (is_there && !*is_there) return MoveOutcome::vanished;
  return std::unexpected(std::move(error).context("in " + store));
}

}  // namespace media::ops
