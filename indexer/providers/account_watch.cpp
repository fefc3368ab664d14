#include "indexer/providers/account_watch.hpp"

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::providers {

AccountWatch::AccountWatch(boost::asio::io_context& loop, AccountDirectory& directory,
                           std::string conninfo, std::function<void()> on_connect)
    : loop_(loop),
      directory_(directory),
      on_connect_(std::move(on_connect)),
      pause_(loop),
      listener_(loop, std::move(conninfo), "media_accounts",
                [this](std::string_view key) { notice(key); }) {}

void AccountWatch::stop() {
  is_stopped_ = true;
  listener_.stop();
  pause_.cancel();
}

void AccountWatch::notice(std::string_view key) {
  if (key.empty()) {
    directory_.doubt();  // until they are read
    on_connect_();
  }
  changed_.emplace(key);
  if (is_running_ || is_stopped_) return;
  is_running_ = true;
  spawn(loop_, "account_watch", [this](boost::asio::yield_context yield) {
    run(yield);
    is_running_ = false;
  });
}

void AccountWatch::run(boost::asio::yield_context yield) {
  while (!changed_.empty() && !is_stopped_) {
    const auto read = read_next(yield);
    if (read) {
      backoff_.reset();
      continue;
    }
    if (is_stopped_) return;
    log::warn("accounts_not_read", {{"error", read.error().message}});
    pause_.expires_after(backoff_.next());
    boost::system::error_code ignored;
    pause_.async_wait(yield[ignored]);
  }
}

/// What changes while it is read is noticed anew.
Result<void> AccountWatch::read_next(boost::asio::yield_context yield) {
  const std::string key = changed_.extract(changed_.begin()).value();
  auto read = key.empty() ? directory_.load(yield) : directory_.refresh(yield, key);
  if (!read) changed_.insert(key);
  return read;
}

}  // namespace media::providers
