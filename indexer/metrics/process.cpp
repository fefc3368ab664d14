// What Prometheus' own clients tell of their process, under the same names.
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "indexer/metrics/snapshot.hpp"

namespace media::metrics {
namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  file >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

std::int64_t open_files() {
  std::error_code failure;
  std::int64_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", failure), end;
       !failure && entry != end; entry.increment(failure)) {
    ++count;
  }
  return count > 0 ? count - 1 : 0;  // not the one that looks
}

/// Ticks after boot at which the process began: field 22 of proc(5) stat, the
/// 20th behind the command's name, which may hold spaces.
double start_time() {
  std::ifstream file("/proc/self/stat");
  file.ignore(std::numeric_limits<std::streamsize>::max(), ')');
  std::string field;
  for (int i = 0; i < 20; ++i) file >> field;
  timespec now{};
  timespec since_boot{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const double booted = static_cast<double>(now.tv_sec - since_boot.tv_sec) +
                        static_cast<double>(now.tv_nsec - since_boot.tv_nsec) / 1e9;
  return booted + std::strtod(field.c_str(), nullptr) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessSample sample_process() {
  ProcessSample sample;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  sample.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  sample.max_files = static_cast<std::int64_t>(files.rlim_cur);
  sample.resident_bytes = resident_bytes();
  sample.open_files = open_files();
  sample.start_time = start_time();
  return sample;
}

}  // namespace media::metrics
