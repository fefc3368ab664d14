#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace media::ops {

/// What a row says of a stored file.
struct StoredFile {
  std::string store;
  std::string key;
  std::int64_t size = 0;
  std::string sha256;  ///< hexadecimal
};

enum class FileState { present, missing, wrong_size, wrong_content, unreadable, other_store };

struct FileReport {
  FileState state = FileState::unreadable;
  std::string path;    ///< empty: not a file of this host
  std::string detail;  ///< what differs, or why it can't be read
};

std::string_view name_of(FileState state);

/// Looks whether the file is there and has its size; `read_all`: and its hash.
FileReport look_at(const std::string& root, const StoredFile& file, bool read_all);

}  // namespace media::ops
