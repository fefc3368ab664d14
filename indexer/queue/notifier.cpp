#include "indexer/queue/notifier.hpp"

#include <chrono>
#include <utility>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"

namespace media::queue {
namespace {

constexpr std::chrono::milliseconds kCollectTime{25};

}  // namespace

void Notifier::jobs_added() {
  has_new_jobs_ = true;
  schedule();
}

void Notifier::media_changed(const std::string& media_id) {
  changed_media_.insert(media_id);
  schedule();
}

void Notifier::schedule() {
  if (std::exchange(is_scheduled_, true)) return;
  spawn(loop_, "notifier", [this](boost::asio::yield_context yield) {
    boost::asio::steady_timer timer(loop_, kCollectTime);
    boost::system::error_code ignored;
    timer.async_wait(yield[ignored]);
    is_scheduled_ = false;
    ++sending_;
    send(yield);
    --sending_;
  });
}

void Notifier::drain(boost::asio::yield_context yield, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while ((is_scheduled_ || sending_ > 0) && std::chrono::steady_clock::now() < until) {
    boost::asio::steady_timer timer(loop_, kCollectTime / 5);
    boost::system::error_code ignored;
    timer.async_wait(yield[ignored]);
  }
}

void Notifier::send(boost::asio::yield_context yield) {
  const std::vector<std::string> media(changed_media_.begin(), changed_media_.end());
  const bool has_new_jobs = std::exchange(has_new_jobs_, false);
  changed_media_.clear();
  const auto sent = database_.query(
      yield,
      "SELECT pg_notify('media_jobs', 'download') FROM generate_series(1, $1::int)"
      " UNION ALL SELECT pg_notify('media_changed', id) FROM unnest($2::text[]) AS id",
      {has_new_jobs ? "1" : "0", db::text_array(media)});
  if (!sent && sent.error().code != ErrorCode::cancelled) {
    log::warn("notification_not_sent", {{"error", sent.error().message}});
  }
}

}  // namespace media::queue
