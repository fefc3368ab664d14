#pragma once

#include <chrono>
#include <string>
#include <unordered_set>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/db/database.hpp"

namespace media::queue {

/// Session setting of the daemon's connections: commits that NOTIFY would wait
/// for each other, one disk write each, so that is left to the Notifier.
inline constexpr const char* kNotifyLater = "SET media.notify_later = on";

/// Tells other daemons of new jobs, and nginx of changed media, a little after
/// the commit and many at a time. What gets lost (a crash, a database outage)
/// is only a delay: daemons look at the queue by themselves too, and nginx
/// does not keep answers about media that are not complete.
class Notifier {
 public:
  Notifier(boost::asio::io_context& loop, db::Database& database)
      : loop_(loop), database_(database) {}

  void jobs_added();
  void media_changed(const std::string& media_id);

  /// Returns when everything is sent, or the time is over.
  void drain(boost::asio::yield_context yield, std::chrono::milliseconds limit);

 private:
  void schedule();
  void send(boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  db::Database& database_;
  std::unordered_set<std::string> changed_media_;
  bool has_new_jobs_ = false;
  bool is_scheduled_ = false;
  int sending_ = 0;  ///< statements under way
};

}  // namespace media::queue
