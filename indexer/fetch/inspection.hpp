#pragma once

#include <functional>
#include <optional>

#include <boost/asio/spawn.hpp>

#include "indexer/fetch/failure.hpp"
#include "indexer/fetch/media_sink.hpp"
#include "indexer/queue/job_store.hpp"

namespace media::fetch {

/// Why somebody should look at bytes before they are shown; nothing: no reason.
using Finding = std::optional<Error>;

/// A look at whole, checked bytes that nobody can see yet. Errors:
/// `scan_failed`, `storage`.
using Inspect = std::function<Result<Finding>(boost::asio::yield_context, const ReceivedMedia&,
                                              const queue::Job&)>;

/// What makes received media suspicious: its own finding, or the inspection's.
Attempt<Finding> examine(boost::asio::yield_context yield, const ReceivedMedia& media,
                         const queue::Job& job, const Inspect& inspect);

/// Puts media into quarantine and records that. False: the lease was lost.
Attempt<bool> set_aside(boost::asio::yield_context yield, storage::Staging& staging,
                        queue::JobStore& jobs, const queue::Job& job, ReceivedMedia& media,
                        const Error& why);

}  // namespace media::fetch
