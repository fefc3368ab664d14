#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/unique_fd.hpp"

namespace media::backup {

/// Stands in a list for the quarantine, which is no store; the key is a media id.
inline constexpr std::string_view kQuarantine = ":quarantine";

/// A file that rows of a database dump refer to.
struct NamedFile {
  std::string sha256;  ///< hexadecimal
  std::uint64_t size = 0;
  std::string store;
  std::string key;
  std::string mime_type;
  std::string account_id;  ///< may be empty
  std::string file_name;   ///< likewise

  Sha256Digest digest() const;
};

/// A line of a blob list, with its end: fields between tabs, in the order above.
std::string line_of(const NamedFile& file);
/// Error `invalid_argument`.
Result<NamedFile> parse_line(std::string_view line);

/// Reads a text, a line at a time.
class LineReader {
 public:
  explicit LineReader(UniqueFd file);
  ~LineReader();
  LineReader(const LineReader&) = delete;

  /// With its end. False: there are no more.
  Result<bool> next(std::string& line);

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;
  char* line_ = nullptr;
  std::size_t capacity_ = 0;
};

/// Reads a blob list, a file at a time.
class BlobListReader {
 public:
  explicit BlobListReader(UniqueFd file) : lines_(std::move(file)) {}

  /// False: there are no more.
  Result<bool> next(NamedFile& file);

 private:
  LineReader lines_;
  std::string line_;
  std::size_t number_ = 0;
};

}  // namespace media::backup
