#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace media::ops {

/// How far a long command is, redrawn in place on a terminal; silent elsewhere.
class ProgressBar {
 public:
  ProgressBar(std::string label, std::int64_t total, std::FILE* stream = stderr);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// `details` stand behind the bar.
  void set(std::int64_t done, std::string_view details = {});

 private:
  std::string label_;
  std::int64_t total_;
  std::FILE* stream_;
  bool is_visible_;
};

/// "label [=====     ] 50/100  50%"
std::string progress_line(const std::string& label, std::int64_t done, std::int64_t total);

}  // namespace media::ops
