#include "indexer/scan/inspector.hpp"

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"
#include "indexer/scan/second_opinion.hpp"

namespace media::scan {

using boost::asio::yield_context;
using fetch::Finding;

Inspector::Inspector(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
                     const ScanConfig& config)
    : workers_(workers), config_(config) {
  if (!config.clamd.empty()) clamd_.emplace(loop, workers, config.clamd, config.timeout);
}

Result<Finding> Inspector::inspect(yield_context yield, const fetch::ReceivedMedia& media,
                                   const queue::Job& job) {
  if (job.file_type == "document") {
    auto finding = second_opinion(yield, media, job);
    if (!finding || *finding) return finding;
  }
  if (!clamd_) return Finding();
  auto finding = scan(yield, media);
  return finding ? finding : unverified(std::move(finding.error()), job);
}

void Inspector::cancel_all() {
  if (clamd_) clamd_->cancel_all();
}

Result<Finding> Inspector::second_opinion(yield_context yield, const fetch::ReceivedMedia& media,
                                          const queue::Job& job) const {
  return run_blocking(workers_, yield, [&]() -> Result<Finding> {
    std::vector<std::uint8_t> head(std::min<std::uint64_t>(kOpinionSize, media.size));
    const auto count = media.upload->read(0, head);
    if (!count) return std::unexpected(count.error());
    const auto opinion = libmagic_type(ByteView(head).first(*count));
    if (!opinion) return std::unexpected(opinion.error());
    return judge_opinion(*opinion, job.declared_mime_type);
  });
}

Result<Finding> Inspector::scan(yield_context yield, const fetch::ReceivedMedia& media) {
  if (media.size > config_.max_bytes) {
    return fail(ErrorCode::unscanned, std::to_string(media.size) + " bytes, scanned are up to " +
                                          std::to_string(config_.max_bytes));
  }
  const auto malware = clamd_->scan(yield, *media.upload);
  if (!malware) return std::unexpected(malware.error());
  if (!*malware) return Finding();
  return Finding(Error{ErrorCode::malware, **malware});
}

/// Fail closed, unless the operator decided otherwise.
Result<Finding> Inspector::unverified(Error why, const queue::Job& job) const {
  const bool is_scanners_fault =
      why.code == ErrorCode::scan_failed || why.code == ErrorCode::unscanned;
  if (is_scanners_fault && config_.accept_on_error) {
    log::warn("media_accepted_unscanned", {{"media_id", job.media_id}, {"error", why.message}});
    return Finding();
  }
  // Scanning again would not make it smaller: an operator has to decide.
  if (why.code == ErrorCode::unscanned) return Finding(std::move(why));
  return std::unexpected(std::move(why));
}

}  // namespace media::scan
