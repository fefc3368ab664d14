#include "indexer/ops/progress_bar.hpp"

#include <algorithm>

#include <unistd.h>

namespace media::ops {
namespace {

constexpr std::int64_t kWidth = 40;

}  // namespace

std::string progress_line(const std::string& label, std::int64_t done, std::int64_t total) {
  const std::int64_t whole = std::max<std::int64_t>(total, 1);
  const std::int64_t part = std::clamp<std::int64_t>(done, 0, whole);
  const auto filled = static_cast<std::size_t>(part * kWidth / whole);
  return label + " [" + std::string(filled, '=') +
         std::string(static_cast<std::size_t>(kWidth) - filled, ' ') + "] " + std::to_string(done) +
         "/" + std::to_string(total) + "  " + std::to_string(part * 100 / whole) + "%";
}

ProgressBar::ProgressBar(std::string label, std::int64_t total, std::FILE* stream)
    : label_(std::move(label)),
      total_(total),
      stream_(stream),
      is_visible_(total > 0 && isatty(fileno(stream)) == 1) {
  set(0);
}

ProgressBar::~ProgressBar() {
  if (is_visible_) std::fputc('\n', stream_);
}

void ProgressBar::set(std::int64_t done, std::string_view details) {
  if (!is_visible_) return;
  std::string line = progress_line(label_, done, total_);
  if (!details.empty()) line += "  " + std::string(details);
  // What is left of a longer line goes.
  std::fprintf(stream_, "\r%s\033[K", line.c_str());
  std::fflush(stream_);
}

}  // namespace media::ops
