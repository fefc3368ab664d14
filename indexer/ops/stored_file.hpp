#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "indexer/storage/stores.hpp"

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
  std::string detail;  ///< what differs, or why it can't be read
};

std::string_view name_of(FileState state);

/// Looks whether the file is there and has its size; `read_all`: and its hash.
FileReport look_at(boost::asio::yield_context yield, storage::Stores& stores,
                   const StoredFile& file, bool read_all);

}  // namespace media::ops
