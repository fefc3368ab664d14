#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/db/database.hpp"
#include "indexer/db/group_commit.hpp"

namespace media::ops {

/// A file of a store as its row says: an original or a rendition.
struct TrackedFile {
  std::int64_t move = 0;  ///< of one that was moved: the id of that
  std::string blob;
  std::string kind;     ///< of a rendition; empty: the original
  std::string key;      ///< where it is
  std::string old_key;  ///< of one that was moved: where it was
  std::uint64_t size = 0;
  Sha256Digest sha256{};
  std::string mime_type;
  std::string file_name;
  std::string account;
};

/// Which files a command is about.
struct FileSelection {
  std::optional<std::string> company;   ///< id
  std::optional<std::string> accounts;  ///< a uuid[]
};

struct Volume {
  std::int64_t files = 0;
  std::uint64_t bytes = 0;
};

enum class MoveOutcome { moved, already_there, vanished, key_doomed, key_taken };

/// Where files are and have been, in the database. See sql/deploy/file_moves.sql.
class FileMoves {
 public:
  FileMoves(boost::asio::io_context& loop, db::Database& database, FileSelection selection)
      : database_(database), commits_(loop, database), selection_(std::move(selection)) {}

  Result<Volume> count(boost::asio::yield_context yield, const std::string& store);
  /// The next page of what a store has; `after` is the last of the page before.
  Result<std::vector<TrackedFile>> files(boost::asio::yield_context yield, const std::string& store,
                                         const TrackedFile& after);
  /// The next page of what was moved and can be moved back.
  Result<std::vector<TrackedFile>> undoable(boost::asio::yield_context yield,
                                            const std::string& from, const std::string& to,
                                            const TrackedFile& after);
  /// The row follows its bytes, which are durable and verified under the new key.
  Result<MoveOutcome> move(boost::asio::yield_context yield, const TrackedFile& file,
                           const std::string& from_store, const std::string& to_store,
                           const std::string& to_key);
  /// A copy that no row will have.
  Result<void> discard(boost::asio::yield_context yield, const std::string& store,
                       const std::string& key);
  /// Whether the row still says so.
  Result<bool> is_stored_at(boost::asio::yield_context yield, const TrackedFile& file,
                            const std::string& store);

 private:
  db::Database& database_;
  db::GroupCommit commits_;  ///< of moves
  FileSelection selection_;
};

}  // namespace media::ops
