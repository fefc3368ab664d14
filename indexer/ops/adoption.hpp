#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/db/database.hpp"
#include "indexer/ops/legacy_table.hpp"
#include "indexer/storage/stores.hpp"
#include "indexer/unique_fd.hpp"

namespace media::ops {

/// What became of the rows of a site's own table.
struct AdoptionTally {
  struct Failure {
    std::string id;
    std::string path;
    std::string reason;  ///< code: text
  };

  std::int64_t found = 0;
  std::int64_t adopted = 0;
  std::int64_t shared = 0;  ///< adopted as well, but their bytes were there already
  std::int64_t already_there = 0;
  std::int64_t failed = 0;
  std::int64_t renamed = 0;       ///< of the adopted: their key was taken
  std::uint64_t bytes = 0;        ///< of the adopted
  std::vector<Failure> failures;  ///< the first of them

  bool adds_up() const { return found == adopted + shared + already_there + failed; }
};

struct AdoptionOptions {
  std::string source;      ///< what rows are remembered by: the table's name
  std::string root;        ///< of the files
  std::string company;     ///< of all rows, a name or id; empty: each row says
  std::string store_root;  ///< of the store `local`, for links
  std::string store;       ///< that the files go to
  bool is_linking = false;
  bool is_dry_run = false;
};

/// The storage key of a path that a site's own row names, below the root or from it.
/// Error `invalid_argument`: none can be made of it.
Result<std::string> adopted_key(std::string_view path, std::string_view root);

/// Makes media of files that a site had before. A row that was adopted is left alone.
class Adoption {
 public:
  Adoption(db::Database& database, storage::Stores& stores, AdoptionOptions options)
      : database_(database), stores_(stores), options_(std::move(options)) {}

  void on_failure(std::function<void(const AdoptionTally::Failure&)> told) {
    told_ = std::move(told);
  }
  /// Opens the directory. Errors: not there.
  Result<void> open();
  void adopt(boost::asio::yield_context yield, const LegacyRow& row);
  const AdoptionTally& tally() const { return tally_; }

 private:
  /// A file as it was found.
  struct Found {
    UniqueFd file;
    std::string key;
    std::string mime_type;
    std::string file_type;
    std::uint64_t size = 0;
    Sha256Digest sha256{};
  };
  enum class Outcome { adopted, shared, already_there, taken, missing };

  Result<Outcome> try_row(boost::asio::yield_context yield, const LegacyRow& row);
  Result<Found> find(const LegacyRow& row) const;
  Result<std::string> company_of(boost::asio::yield_context yield, const LegacyRow& row);
  Result<bool> is_adopted(boost::asio::yield_context yield, const std::string& company,
                          const LegacyRow& row);
  Result<Outcome> store(boost::asio::yield_context yield, const std::string& company,
                        const LegacyRow& row, Found& found);
  Result<std::string> publish(boost::asio::yield_context yield, const LegacyRow& row,
                              const Found& found, const std::string& key);
  Result<std::unique_ptr<storage::Upload>> upload_of(const Found& found);
  Result<Outcome> record(boost::asio::yield_context yield, const std::string& company,
                         const LegacyRow& row, const Found& found,
                         const std::optional<std::string>& key);

  db::Database& database_;
  storage::Stores& stores_;
  const AdoptionOptions options_;
  UniqueFd root_;
  std::map<std::string, std::string> companies_;  ///< ids of those seen so far
  std::function<void(const AdoptionTally::Failure&)> told_;
  AdoptionTally tally_;
};

}  // namespace media::ops
