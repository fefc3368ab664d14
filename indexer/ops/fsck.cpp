#include <cstdio>

#include "indexer/log.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/ops/database_session.hpp"
#include "indexer/ops/fsck_checksums.hpp"
#include "indexer/ops/fsck_comparison.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;

constexpr int kFound = 1;
constexpr int kNotChecked = 2;
constexpr std::chrono::hours kPatience{1};  // of one statement: it may look at all rows
constexpr std::chrono::hours kMinAge{1};    // an upload may be about to be recorded

class Fsck {
 public:
  Fsck(const Config& config, const CommandLine& line, db::Database& database,
       storage::Stores& stores)
      : line_(line),
        database_(database),
        stores_(stores),
        report_(line.as_json),
        repair_(database, line.repairs, line.is_dry_run, config.deletion.grace) {}

  Result<int> run(yield_context yield) {
    const auto unknown = tell_unknown_stores(yield);
    if (!unknown) return std::unexpected(unknown.error());
    bool is_checked = !*unknown;
    for (storage::BlobStore* store : stores_.all()) {
      if (!line_.store.empty() && store->name() != line_.store) continue;
      if (auto checked = check(yield, *store); !checked) {
        std::fprintf(stderr, "media-indexer: store %s: %s\n", std::string(store->name()).c_str(),
                     checked.error().message.c_str());
        is_checked = false;
      }
    }
    report_.end();
    if (!is_checked || report_.has_unreadable()) return kNotChecked;
    return report_.has_faults() ? kFound : 0;
  }

 private:
  /// Whether there are files in stores that the configuration does not have.
  Result<bool> tell_unknown_stores(yield_context yield) {
    if (!line_.store.empty()) {
      if (stores_.find(line_.store) != nullptr) return false;
      return fail(ErrorCode::not_found, "the configuration has no store '" + line_.store + "'");
    }
    const auto rows = database_.query(yield, "SELECT store, files FROM media.list_stores()");
    if (!rows) return std::unexpected(rows.error());
    bool has_unknown = false;
    for (std::size_t row = 0; row < rows->size(); ++row) {
      const std::string store(rows->text(row, "store"));
      if (stores_.find(store) != nullptr) continue;
      has_unknown = true;
      std::fprintf(stderr,
                   "media-indexer: store %s: not in the configuration, its %s files are not "
                   "checked\n",
                   store.c_str(), std::string(rows->text(row, "files")).c_str());
    }
    return has_unknown;
  }

  Result<void> check(yield_context yield, storage::BlobStore& store) {
    FsckTotals& totals = report_.begin(store.name());
    auto done = FsckComparison(database_, store, repair_, report_, totals)
                    .run(yield, line_.min_age.value_or(kMinAge));
    if (!done || !line_.is_hashing) return done;
    return FsckChecksums(database_, store, repair_, report_, totals)
        .run(yield, line_.budget, !line_.is_dry_run);
  }

  const CommandLine& line_;
  db::Database& database_;
  storage::Stores& stores_;
  FsckReport report_;
  FsckRepair repair_;
};

}  // namespace

int fsck(const Config& config, const CommandLine& line) {
  log::set_level(log::Level::error);
  Config patient = config;
  patient.database.query_timeout = kPatience;
  int status = kNotChecked;
  const auto done = with_stores(patient,
                                [&](db::Database& database, yield_context yield,
                                    storage::Stores& stores) -> Result<std::string> {
                                  const auto ran = Fsck(config, line, database, stores).run(yield);
                                  if (!ran) return std::unexpected(ran.error());
                                  status = *ran;
                                  return std::string();
                                });
  if (!done) std::fprintf(stderr, "media-indexer: %s\n", done.error().message.c_str());
  return status;
}

}  // namespace media::ops
