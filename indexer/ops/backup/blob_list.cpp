#include "indexer/ops/backup/blob_list.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "core/encoding.hpp"

namespace media::backup {
namespace {

constexpr std::size_t kFields = 7;

std::unexpected<Error> bad_line(const std::string& why) {
  return fail(ErrorCode::invalid_argument, "not a line of a blob list: " + why);
}

}  // namespace

Sha256Digest NamedFile::digest() const {
  Sha256Digest digest{};
  const auto bytes = hex_decode(sha256);
  if (bytes && bytes->size() == digest.size()) std::ranges::copy(*bytes, digest.begin());
  return digest;
}

std::string line_of(const NamedFile& file) {
  std::string line = file.sha256 + '\t' + std::to_string(file.size);
  for (const std::string* field :
       {&file.store, &file.key, &file.mime_type, &file.account_id, &file.file_name}) {
    line += '\t';
    // Keys have no control characters; names that others gave may.
    for (const char c : *field) line += c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
  }
  return line + '\n';
}

Result<NamedFile> parse_line(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  std::array<std::string_view, kFields> fields;
  for (std::size_t i = 0; i < kFields; ++i) {
    const auto tab = line.find('\t');
    if ((tab == std::string_view::npos) != (i + 1 == kFields)) return bad_line("fields");
    fields[i] = line.substr(0, tab);
    line.remove_prefix(std::min(line.size(), tab == std::string_view::npos ? tab : tab + 1));
  }
  NamedFile file;
  const auto [end, error] =
      std::from_chars(fields[1].data(), fields[1].data() + fields[1].size(), file.size);
  if (error != std::errc() || end != fields[1].data() + fields[1].size()) return bad_line("size");
  const auto digest = hex_decode(fields[0]);
  if (!digest || digest->size() != sizeof(Sha256Digest)) return bad_line("SHA-256");
  file.sha256 = hex_encode(*digest);
  file.store = fields[2];
  file.key = fields[3];
  file.mime_type = fields[4];
  file.account_id = fields[5];
  file.file_name = fields[6];
  if (file.store.empty() || file.key.empty()) return bad_line("store or key");
  return file;
}

LineReader::LineReader(UniqueFd file) : file_(::fdopen(file.release(), "rb")) {}

LineReader::~LineReader() { std::free(line_); }

Result<bool> LineReader::next(std::string& line) {
  const ssize_t length = file_ ? ::getline(&line_, &capacity_, file_.get()) : -1;
  if (length >= 0) {
    line.assign(line_, static_cast<std::size_t>(length));
    return true;
  }
  if (file_ && std::ferror(file_.get()) == 0) return false;
  return fail(ErrorCode::storage, "can't read a list");
}

Result<bool> BlobListReader::next(NamedFile& file) {
  const auto is_line = lines_.next(line_);
  if (!is_line || !*is_line) return is_line;
  ++number_;
  auto parsed = parse_line(line_);
  if (!parsed) {
    return std::unexpected(std::move(parsed.error()).context("line " + std::to_string(number_)));
  }
  file = std::move(*parsed);
  return true;
}

}  // namespace media::backup
