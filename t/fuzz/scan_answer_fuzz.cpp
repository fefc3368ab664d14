#include <algorithm>

#include "core/encoding.hpp"
#include "indexer/scan/clamd_answer.hpp"

// What a virus scanner says: only the one word is clean, and nothing of it breaks a log line.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view answer = media::as_text({data, size});
  const auto verdict = media::scan::read_clamd_answer(answer);
  if (verdict && !*verdict && !answer.starts_with("stream: OK")) __builtin_trap();
  const std::string text = verdict ? verdict->value_or("") : verdict.error().message;
  if (text.size() > 300) __builtin_trap();
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c > 0x7E; })) {
    __builtin_trap();
  }
  return 0;
}
