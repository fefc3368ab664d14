#include "indexer/ops/backup/child_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "indexer/unique_fd.hpp"

namespace media::backup {
namespace {

constexpr std::size_t kPiece = 1 << 17;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

// Its standard input and output; everything else that we have open is closed.
class FileActions {
 public:
  FileActions(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    if (input >= 0) {
      posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    } else {
      posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
  }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

Result<void> pass_on(int from, const storage::ByteSink& output) {
  std::vector<std::uint8_t> piece(kPiece);
  for (;;) {
    const ssize_t count = ::read(from, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::storage, std::string("read: ") + std::strerror(errno));
    if (count == 0) return {};
    if (auto taken = output({piece.data(), static_cast<std::size_t>(count)}); !taken) return taken;
  }
}

Result<void> wait_for(pid_t child, const std::string& name) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  const std::string how = WIFEXITED(status)
                              ? "ended with status " + std::to_string(WEXITSTATUS(status))
                              : "was ended by signal " + std::to_string(WTERMSIG(status));
  return fail(ErrorCode::internal, name + " " + how);
}

}  // namespace

Result<void> run_program(const Program& program, const storage::ByteSink& output) {
  const std::string& name = program.arguments.front();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return fail(ErrorCode::internal, std::string("pipe: ") + std::strerror(errno));
  }
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  pid_t child = 0;
  const int failure =
      ::posix_spawnp(&child, name.c_str(), FileActions(program.input, to.get()).get(), nullptr,
                     pointers(program.arguments).data(), pointers(program.environment).data());
  if (failure != 0) {
    return fail(ErrorCode::internal, "can't run " + name + ": " + std::strerror(failure) +
                                         (failure == ENOENT ? "; install postgresql-client" : ""));
  }
  to = UniqueFd();
  const auto passed = pass_on(from.get(), output);
  if (!passed) ::kill(child, SIGTERM);
  const auto ended = wait_for(child, name);
  return passed ? ended : passed;
}

}  // namespace media::backup
