#include "indexer/ops/progress_bar.hpp"

#include <algorithm>
#include <cstdio>

#include <unistd.h>

namespace media::ops {
namespace {

constexpr std::uint64_t kWidth = 30;
constexpr std::chrono::milliseconds kInterval{100};

}  // namespace

ProgressBar::ProgressBar(std::uint64_t total, std::string label)
    : total_(total), label_(std::move(label)), is_shown_(::isatty(STDERR_FILENO) != 0) {}

void ProgressBar::advance(std::uint64_t count) {
  done_ += count;
  const auto now = std::chrono::steady_clock::now();
  if (!is_shown_ || now - drawn_at_ < kInterval) return;
  drawn_at_ = now;
  draw();
}

void ProgressBar::draw() {
  const std::uint64_t filled = total_ == 0 ? 0 : std::min(done_, total_) * kWidth / total_;
  const std::string bar = std::string(filled, '#') + std::string(kWidth - filled, '.');
  std::fprintf(stderr, "\r%s [%s] %llu/%llu", label_.c_str(), bar.c_str(),
               static_cast<unsigned long long>(done_), static_cast<unsigned long long>(total_));
}

/// Leaves the line to whatever comes next.
void ProgressBar::finish() {
  if (is_shown_ && drawn_at_ != std::chrono::steady_clock::time_point()) {
    std::fprintf(stderr, "\r\x1b[K");
  }
  drawn_at_ = {};
}

}  // namespace media::ops
