#pragma once

#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "indexer/coroutine.hpp"

namespace media::test {

/// A directory that lives as long as the test.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "media-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Runs the loop until this one coroutine has ended; others may still wait.
/// GoogleTest's fatal assertions work in the body.
inline void run(boost::asio::io_context& loop,
                std::function<void(boost::asio::yield_context)> body) {
  bool done = false;
  std::exception_ptr thrown;
  spawn(loop, "test", [&](boost::asio::yield_context yield) {
    try {
      body(yield);
    } catch (const std::exception&) {
      thrown = std::current_exception();
    }
    done = true;
  });
  loop.restart();
  while (!done && loop.run_one() > 0) {
  }
  if (thrown) std::rethrow_exception(thrown);
  if (!done) throw std::logic_error("the test's coroutine waits for something that cannot come");
}

}  // namespace media::test
