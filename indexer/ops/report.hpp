#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace media::ops {

enum class Severity { ok, warning, failure };

/// "ok", "warning", "failure".
std::string_view name_of(Severity severity);

struct Finding {
  Severity severity = Severity::ok;
  std::string what;    ///< was looked at
  std::string why;     ///< how it is
  std::string remedy;  ///< what to do; may be empty
};

/// One line: "ok WHAT", "warn WHAT: WHY: REMEDY" or "FAIL WHAT: WHY: REMEDY".
std::string text_of(const Finding& finding);

/// What a command found out, told one after the other as it goes.
class Report {
 public:
  explicit Report(std::function<void(const Finding&)> tell) : tell_(std::move(tell)) {}

  void ok(std::string what, std::string why = {});
  void warn(std::string what, std::string why, std::string remedy = {});
  void fail(std::string what, std::string why, std::string remedy = {});

  Severity worst() const { return worst_; }
  const std::vector<Finding>& all() const { return all_; }

 private:
  void add(Finding finding);

  std::function<void(const Finding&)> tell_;
  std::vector<Finding> all_;
  Severity worst_ = Severity::ok;
};

}  // namespace media::ops
