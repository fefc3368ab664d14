#include "indexer/fetch/inspection.hpp"

#include "indexer/log.hpp"

namespace media::fetch {

Attempt<Finding> examine(boost::asio::yield_context yield, const ReceivedMedia& media,
                         const queue::Job& job, const Inspect& inspect) {
  if (media.suspicion || !inspect) return media.suspicion;
  auto finding = inspect(yield, media, job);
  if (!finding) return failed(finding.error());
  return std::move(*finding);
}

Attempt<bool> set_aside(boost::asio::yield_context yield, storage::Staging& staging,
                        queue::JobStore& jobs, const queue::Job& job, ReceivedMedia& media,
                        const Error& why) {
  const auto kept = staging.quarantine(yield, std::move(media.upload), job.media_id);
  if (!kept) return failed(kept.error());
  queue::Download download;
  download.sha256 = media.sha256;
  download.size = media.size;
  download.mime_type = media.mime_type;
  // Should it stay unrecorded, the next attempt replaces the file, or the sweep removes it.
  const auto recorded = jobs.quarantine(yield, job.id, download, why);
  if (!recorded) return failed(recorded.error());
  if (!*recorded) return false;
  log::warn("media_quarantined", {{"media_id", job.media_id},
                                  {"provider", job.provider},
                                  {"reason", std::string(name_of(why.code))},
                                  {"error", why.message},
                                  {"size", static_cast<std::int64_t>(media.size)},
                                  {"mime_type", media.mime_type}});
  return true;
}

}  // namespace media::fetch
