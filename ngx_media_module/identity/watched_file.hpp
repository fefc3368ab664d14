#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "core/encoding.hpp"
#include "core/error.hpp"

namespace media::nginx {

/// A small file of keys that is read again when it changes on disk, so that keys
/// rotate without a reload. One that can't be used leaves what was read before
/// in use.
class WatchedFile {
 public:
  static constexpr std::size_t kMaxSize = 262144;
  using Use = std::function<Result<void>(ByteView content)>;

  WatchedFile(std::string path, Use use) : path_(std::move(path)), use_(std::move(use)) {}

  /// Reads it for the first time. Errors name the file, never its content.
  Result<void> read();
  /// Whether it had changed and was read anew. An error is told once for each change.
  Result<bool> refresh();

 private:
  struct Version {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::int64_t changed_nanoseconds = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };

  std::optional<Version> version_on_disk() const;

  std::string path_;
  Use use_;
  std::optional<Version> version_;
};

}  // namespace media::nginx
