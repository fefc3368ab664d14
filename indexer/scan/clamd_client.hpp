#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/error.hpp"
#include "indexer/scan/clamd_answer.hpp"
#include "indexer/storage/blob_store.hpp"

namespace media::scan {

/// Talks to ClamAV's daemon, a connection for each question. Memory does not
/// grow with the file: it is read and sent in pieces.
class ClamdClient {
 public:
  /// `address` is "unix:/path" or "tcp:host:port"; files are read on `workers`.
  ClamdClient(boost::asio::io_context& loop, boost::asio::thread_pool& workers, std::string address,
              std::chrono::milliseconds timeout);
  ~ClamdClient();

  /// INSTREAM. Errors: `scan_failed` (away, too slow, no verdict), `unscanned`,
  /// `storage`.
  Result<Malware> scan(boost::asio::yield_context yield, const storage::Upload& upload);

  /// Error `scan_failed`: nobody there who speaks the protocol.
  Result<void> ping(boost::asio::yield_context yield);

  /// Ends all scans with `cancelled`.
  void cancel_all();

 private:
  class Conversation;
  struct Connection;

  std::unique_ptr<Conversation> converse();

  boost::asio::io_context& loop_;
  boost::asio::thread_pool& workers_;
  std::string address_;
  std::chrono::milliseconds timeout_;
  std::vector<std::weak_ptr<Connection>> connections_;
};

}  // namespace media::scan
