#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace media::ops {

/// How far a command is, on standard error when that is a terminal.
class ProgressBar {
 public:
  ProgressBar(std::uint64_t total, std::string label);
  ~ProgressBar() { finish(); }
  ProgressBar(const ProgressBar&) = delete;

  void advance(std::uint64_t count);
  void finish();

 private:
  void draw();

  const std::uint64_t total_;
  const std::string label_;
  const bool is_shown_;
  std::uint64_t done_ = 0;
  std::chrono::steady_clock::time_point drawn_at_;
};

}  // namespace media::ops
