#include "indexer/ops/report.hpp"

#include <algorithm>

namespace media::ops {

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::warning:
      return "warning";
    case Severity::failure:
      return "failure";
  }
  return "failure";
}

std::string text_of(const Finding& finding) {
  const std::string_view mark = finding.severity == Severity::ok        ? "ok "
                                : finding.severity == Severity::warning ? "warn "
                                                                        : "FAIL ";
  std::string text = std::string(mark) + finding.what;
  for (const std::string& part : {finding.why, finding.remedy}) {
    if (!part.empty()) text += ": " + part;
  }
  return text;
}

void Report::add(Finding finding) {
  worst_ = std::max(worst_, finding.severity);
  all_.push_back(std::move(finding));
  tell_(all_.back());
}

void Report::ok(std::string what, std::string why) {
  add({Severity::ok, std::move(what), std::move(why), {}});
}

void Report::warn(std::string what, std::string why, std::string remedy) {
  add({Severity::warning, std::move(what), std::move(why), std::move(remedy)});
}

void Report::fail(std::string what, std::string why, std::string remedy) {
  add({Severity::failure, std::move(what), std::move(why), std::move(remedy)});
}

}  // namespace media::ops
