#pragma once

#include <chrono>
#include <string>

#include "indexer/ops/migration.hpp"
#include "indexer/ops/progress_bar.hpp"

namespace media::ops {

/// What a migration tells at its end.
struct MigrationSummary {
  MigrationOptions options;
  MigrationTally tally;
  Volume left;  ///< in the store that it came from
  std::chrono::duration<double> took{};
  bool is_dry_run = false;
};

/// A table whose first line is the sum of the others.
std::string summary_text(const MigrationSummary& summary);
std::string summary_json(const MigrationSummary& summary);

/// "1.0 MiB of 5.0 MiB, 512.0 KiB/s, 8 s left"
std::string transfer_text(std::uint64_t done, std::uint64_t total,
                          std::chrono::duration<double> took, std::uint64_t moved);

/// Draws how far a migration is, a few times a second.
class MigrationProgress {
 public:
  /// `total`: of all that will be found.
  MigrationProgress(std::string label, Volume total);
  void show(const MigrationTally& tally);

 private:
  using Clock = std::chrono::steady_clock;
  Volume total_;
  ProgressBar bar_;
  Clock::time_point started_ = Clock::now();
  Clock::time_point drawn_{};
};

}  // namespace media::ops
