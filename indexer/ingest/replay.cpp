#include "indexer/ingest/replay.hpp"

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::ingest {
namespace {

constexpr std::chrono::milliseconds kIdle{1000};

bool is_passing(const Error& error) {
  return error.code == ErrorCode::unavailable || error.code == ErrorCode::cancelled ||
         error.code == ErrorCode::storage;
}

}  // namespace

void Replay::start() {
  spawn(loop_, "replay", [this](boost::asio::yield_context yield) { run(yield); });
}

void Replay::stop() {
  is_stopped_ = true;
  pause_.cancel();
}

void Replay::wake() {
  is_awake_ = true;
  pause_.cancel();
}

void Replay::run(boost::asio::yield_context yield) {
  while (!is_stopped_) {
    const auto entry = spool_.first();
    if (entry && replay_first(yield, *entry) == Step::done) {
      backoff_.reset();
      continue;
    }
    if (replayed_ > 0) {
      log::info("spool_replayed",
                {{"deliveries", replayed_}, {"left", static_cast<std::int64_t>(spool_.files())}});
    }
    replayed_ = 0;
    wait(yield, entry ? backoff_.next() : kIdle);
  }
}

Replay::Step Replay::replay_first(boost::asio::yield_context yield, const Spool::Entry& entry) {
  const auto spooled = spool_.read(yield, entry);
  if (!spooled) return finish(yield, entry, std::unexpected(spooled.error()));
  return finish(yield, entry, deliver_(yield, *spooled));
}

/// A file goes only when its delivery is committed, or to the others aside.
Replay::Step Replay::finish(boost::asio::yield_context yield, const Spool::Entry& entry,
                            const Result<void>& delivered) {
  if (!delivered && is_passing(delivered.error())) return Step::later;
  Result<void> cleared;
  if (delivered) {
    cleared = spool_.remove(yield, entry);
    if (cleared) ++replayed_;
  } else {
    const std::string reason =
        std::string(name_of(delivered.error().code)) + ": " + delivered.error().message;
    cleared = spool_.set_aside(yield, entry, reason);
    log::warn("delivery_set_aside",
              {{"file", entry.name()}, {"account_id", entry.account_id}, {"reason", reason}});
  }
  if (cleared) return Step::done;
  log::warn("spool_stuck", {{"error", cleared.error().message}});
  return Step::later;
}

/// What woke it up while it was busy counts as well.
void Replay::wait(boost::asio::yield_context yield, std::chrono::milliseconds at_most) {
  if (!is_awake_ && !is_stopped_) {
    pause_.expires_after(at_most);
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
  is_awake_ = false;
}

}  // namespace media::ingest
