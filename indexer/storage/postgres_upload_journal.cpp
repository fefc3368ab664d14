#include "indexer/db/database.hpp"
#include "indexer/storage/upload_journal.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

Result<void> done(const Result<db::Rows>& rows) {
  return rows ? Result<void>() : std::unexpected(rows.error());
}

class PostgresUploadJournal final : public UploadJournal {
 public:
  explicit PostgresUploadJournal(db::Database& database) : database_(database) {}

  Result<std::optional<StartedUpload>> find(yield_context yield, const UploadGoal& goal) override {
    const auto rows = database_.query(
        yield, "SELECT upload_id, part_bytes FROM media.resume_multipart_upload($1, $2, $3, $4)",
        {goal.store, goal.key, db::bytea(goal.sha256), std::to_string(goal.size)});
    if (!rows) return std::unexpected(rows.error());
    if (rows->empty()) return std::nullopt;
    return StartedUpload{std::string(rows->text(0, "upload_id")),
                         static_cast<std::uint64_t>(rows->integer(0, "part_bytes"))};
  }

  Result<void> begin(yield_context yield, const UploadGoal& goal,
                     const StartedUpload& upload) override {
    return done(database_.query(yield,
                                "SELECT media.begin_multipart_upload($1, $2, $3, $4, $5, $6)",
                                {goal.store, upload.id, goal.key, db::bytea(goal.sha256),
                                 std::to_string(goal.size), std::to_string(upload.part_bytes)}));
  }

  Result<void> end(yield_context yield, std::string_view store,
                   std::string_view upload_id) override {
    return done(database_.query(yield, "SELECT media.end_multipart_upload($1, $2)",
                                {std::string(store), std::string(upload_id)}));
  }

 private:
  db::Database& database_;
};

}  // namespace

std::unique_ptr<UploadJournal> make_postgres_upload_journal(db::Database& database) {
  return std::make_unique<PostgresUploadJournal>(database);
}

}  // namespace media::storage
