#include "core/s3_credentials.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace media {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n\v\f";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhiteSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kWhiteSpace) + 1 - first);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  text = trim(text);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(trim(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

bool is_printable(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

Result<S3Credentials> parse_s3_credentials(std::string_view text) {
  constexpr std::array<std::string_view, 3> kNames = {"access key", "secret key", "session token"};
  const auto lines = lines_of(text);
  if (lines.size() < 2 || lines.size() > kNames.size()) {
    return fail(ErrorCode::invalid_argument,
                "has " + std::to_string(lines.size()) +
                    " lines; it takes the access key, the secret key and, of temporary "
                    "credentials, the session token, each on a line of its own");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (is_printable(lines[i])) continue;
    return fail(ErrorCode::invalid_argument,
                "line " + std::to_string(i + 1) + " should hold nothing but the " +
                    std::string(kNames.at(i)) + ", without white space or foreign characters");
  }
  return S3Credentials{.access_key = std::string(lines[0]),
                       .secret_key = std::string(lines[1]),
                       .session_token = std::string(lines.size() > 2 ? lines[2] : "")};
}

}  // namespace media
