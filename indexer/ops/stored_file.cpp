#include "indexer/ops/stored_file.hpp"

#include <array>

#include "core/encoding.hpp"
#include "indexer/storage/content.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

FileReport report_of(const Error& error) {
  if (error.code == ErrorCode::not_found) return {FileState::missing, ""};
  return {FileState::unreadable, error.message};
}

FileReport compare_content(yield_context yield, storage::BlobStore& store, const StoredFile& file) {
  const auto content = storage::content_of(yield, store, file.key);
  if (!content) return report_of(content.error());
  const std::string found = hex_encode(content->sha256);
  if (found == file.sha256) return {FileState::present, ""};
  return {FileState::wrong_content, "its SHA-256 is " + found};
}

}  // namespace

std::string_view name_of(FileState state) {
  constexpr std::array<std::string_view, 6> kNames = {"present",       "missing",    "wrong_size",
                                                      "wrong_content", "unreadable", "other_store"};
  return kNames.at(static_cast<std::size_t>(state));
}

FileReport look_at(yield_context yield, storage::Stores& stores, const StoredFile& file,
                   bool read_all) {
  storage::BlobStore* store = stores.find(file.store);
  if (store == nullptr) return {FileState::other_store, "no store of that name is configured here"};
  const auto found = store->stat(yield, file.key);
  if (!found) return report_of(found.error());
  if (found->size != static_cast<std::uint64_t>(file.size)) {
    return {FileState::wrong_size,
            std::to_string(found->size) + " bytes instead of " + std::to_string(file.size)};
  }
  return read_all ? compare_content(yield, *store, file) : FileReport{FileState::present, ""};
}

}  // namespace media::ops
