#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ngx_media_module/stats.hpp"

namespace media::nginx {

/// State of the shared cache, when there is one.
struct CacheFigures {
  std::uint64_t invalidations = 0;  ///< notified changes
  std::uint64_t flushes = 0;        ///< times all of it was invalidated
  std::uint64_t repairs = 0;        ///< times it was emptied after a worker died writing
  bool is_vouched = false;          ///< a listener vouches for it now
};

/// Text exposition format 0.0.4 of Prometheus.
std::string prometheus_text(const StatsTotal& total, const std::optional<CacheFigures>& cache);
/// The same figures as one JSON object.
std::string json_text(const StatsTotal& total, const std::optional<CacheFigures>& cache);

}  // namespace media::nginx
