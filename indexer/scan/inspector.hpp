#pragma once

#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/config.hpp"
#include "indexer/fetch/inspection.hpp"
#include "indexer/scan/clamd_client.hpp"

namespace media::scan {

/// Looks at whole files before anybody can see them: libmagic at documents, and
/// clamd, where there is one, at everything.
class Inspector {
 public:
  Inspector(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
            const ScanConfig& config);

  /// As fetch::Inspect.
  Result<fetch::Finding> inspect(boost::asio::yield_context yield,
                                 const fetch::ReceivedMedia& media, const queue::Job& job);
  /// Ends running scans with `cancelled`.
  void cancel_all();

 private:
  Result<fetch::Finding> second_opinion(boost::asio::yield_context yield,
                                        const fetch::ReceivedMedia& media,
                                        const queue::Job& job) const;
  Result<fetch::Finding> scan(boost::asio::yield_context yield, const fetch::ReceivedMedia& media);
  Result<fetch::Finding> unverified(Error why, const queue::Job& job) const;

  boost::asio::thread_pool& workers_;
  const ScanConfig& config_;
  std::optional<ClamdClient> clamd_;
};

}  // namespace media::scan
