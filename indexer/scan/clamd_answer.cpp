#include "indexer/scan/clamd_answer.hpp"

#include <algorithm>

namespace media::scan {
namespace {

constexpr std::size_t kMaxShown = 200;

/// The answer is another program's: nothing of it may break a log line.
std::string printable(std::string_view text) {
  std::string shown(text.substr(0, kMaxShown));
  std::ranges::replace_if(
      shown, [](unsigned char c) { return c < 0x20 || c > 0x7E; }, '?');
  return shown;
}

}  // namespace

Result<Malware> read_clamd_answer(std::string_view answer) {
  while (answer.ends_with('\0') || answer.ends_with('\n')) answer.remove_suffix(1);
  if (answer == "stream: OK") return Malware();
  constexpr std::string_view kStream = "stream: ";
  constexpr std::string_view kFound = " FOUND";
  if (answer.starts_with(kStream) && answer.ends_with(kFound) &&
      answer.size() > kStream.size() + kFound.size()) {
    answer.remove_prefix(kStream.size());
    answer.remove_suffix(kFound.size());
    return printable(answer);
  }
  if (answer.find("size limit exceeded") != std::string_view::npos) {
    return fail(ErrorCode::unscanned, "larger than clamd takes (StreamMaxLength)");
  }
  if (answer.empty()) return fail(ErrorCode::scan_failed, "clamd gave no answer");
  return fail(ErrorCode::scan_failed, "clamd answered '" + printable(answer) + "'");
}

}  // namespace media::scan
