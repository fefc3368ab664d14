#pragma once

#include <memory>
#include <string>

#include "indexer/storage/upload.hpp"
#include "indexer/unique_fd.hpp"

namespace media::storage {

enum class TakenKey { no, yes };

/// An upload into a file below a local store's root, unnamed where the file
/// system can do that (O_TMPFILE).
class LocalUpload final : public Upload {
 public:
  /// `root` is an opened root, which stays open so that the file is linked
  /// into the very file system that it was written to.
  static Result<std::unique_ptr<LocalUpload>> create(UniqueFd root, bool named);
  /// A file that has a name already, to be given one more.
  static std::unique_ptr<LocalUpload> of_file(UniqueFd root, UniqueFd file, std::uint64_t size);
  ~LocalUpload() override;

  Result<void> append(ByteView chunk) override;
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) const override;

  int root() const { return root_.get(); }
  /// Makes the bytes durable; an append that failed before is an error here too.
  Result<void> sync();
  /// Gives the file a name, without ever replacing one.
  Result<TakenKey> link(int directory, const std::string& name);

 private:
  LocalUpload(UniqueFd root, UniqueFd file, std::string temporary_name);
  Result<TakenKey> link_unnamed(int directory, const std::string& name);
  Result<TakenKey> link_named(int directory, const std::string& name);

  UniqueFd root_;
  UniqueFd file_;
  std::string temporary_name_;  ///< below the root; empty: the file has no name yet
  std::uint64_t size_ = 0;
  bool is_broken_ = false;
};

/// Removes named temporaries that no running program writes to any more.
void remove_stale_temporaries(int root);

}  // namespace media::storage
