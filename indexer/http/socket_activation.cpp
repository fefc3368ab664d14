#include "indexer/http/socket_activation.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace media::http {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START

/// The value of a variable, which is unset.
std::string take(const char* variable) {
  const char* value = std::getenv(variable);
  std::string taken = value == nullptr ? "" : value;
  ::unsetenv(variable);
  return taken;
}

bool is_number(const std::string& text, long number) { return text == std::to_string(number); }

}  // namespace

Result<std::optional<UniqueFd>> take_passed_socket() {
  const std::string pid = take("LISTEN_PID");
  const std::string count = take("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  // What was passed to a parent is none of ours.
  if (count.empty() || !is_number(pid, ::getpid())) return std::nullopt;
  if (!is_number(count, 1)) {
    return fail(ErrorCode::invalid_argument,
                "the service manager passes \"" + count +
                    "\" sockets (LISTEN_FDS), one is needed: leave one ListenStream= in the "
                    ".socket unit");
  }
  if (::fcntl(kFirstPassed, F_SETFD, FD_CLOEXEC) != 0) {
    return fail(ErrorCode::invalid_argument,
                "LISTEN_FDS is 1, but descriptor 3 is not open: no socket was passed");
  }
  return UniqueFd(kFirstPassed);
}

}  // namespace media::http
