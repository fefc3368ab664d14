#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/error.hpp"

namespace media::db {
class Database;
}

namespace media::storage {

/// An upload in parts that is under way.
struct StartedUpload {
  std::string id;  ///< the store's
  std::uint64_t part_bytes = 0;
};

/// The file that is uploaded in parts, and where to.
struct UploadGoal {
  std::string store;
  std::string key;
  Sha256Digest sha256{};
  std::uint64_t size = 0;
};

/// Remembers uploads in parts over a crash. The seam that tests replace.
class UploadJournal {
 public:
  virtual ~UploadJournal() = default;

  /// One that did not come to an end.
  virtual Result<std::optional<StartedUpload>> find(boost::asio::yield_context yield,
                                                    const UploadGoal& goal) = 0;
  /// Before the first part is sent.
  virtual Result<void> begin(boost::asio::yield_context yield, const UploadGoal& goal,
                             const StartedUpload& upload) = 0;
  /// It was completed or given up.
  virtual Result<void> end(boost::asio::yield_context yield, std::string_view store,
                           std::string_view upload_id) = 0;
};

/// In media.multipart_uploads.
std::unique_ptr<UploadJournal> make_postgres_upload_journal(db::Database& database);

}  // namespace media::storage
