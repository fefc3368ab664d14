#pragma once

#include <string>
#include <vector>

#include "indexer/ops/fsck_fault.hpp"

namespace media::ops {

/// "missing    local:a/b.jpg  123 bytes: 1 media failed"
std::string text_of(const Fault& fault);
std::string json_of(const Fault& fault);
std::string json_of(const FsckTotals& totals);
/// One line a store.
std::string text_of(const std::vector<FsckTotals>& totals);

/// Prints findings as they come, each on a line of standard output, and counts them.
class FsckReport {
 public:
  explicit FsckReport(bool as_json) : as_json_(as_json) {}

  /// What comes now is of this store.
  FsckTotals& begin(std::string_view store);
  void add(const Fault& fault);
  /// The sums, after the last finding.
  void end() const;

  bool has_faults() const;
  bool has_unreadable() const;

 private:
  bool as_json_;
  std::vector<FsckTotals> totals_;
};

}  // namespace media::ops
