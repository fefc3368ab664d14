#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "indexer/ops/backup/archive.hpp"
#include "indexer/ops/backup/backup.hpp"
#include "indexer/ops/backup/blob_list.hpp"
#include "indexer/ops/backup/inventory.hpp"
#include "indexer/ops/backup/operator_session.hpp"

namespace media::backup {

/// Brings the contents that a list names into an archive, each once, and reads them
/// again there. Notes those that it can't get.
class ContentCopier {
 public:
  ContentCopier(const Config& config, Archive& archive, Inventory& inventory,
                storage::Stores& stores, OperatorSession& session, BackupReport& report)
      : config_(config),
        archive_(archive),
        inventory_(inventory),
        stores_(stores),
        session_(session),
        report_(report) {}

  /// One content, with all files that are to have it. Error: the archive does not take it,
  /// or a store does not answer.
  Result<void> take(yield_context yield, const std::vector<NamedFile>& files);

  /// What was not to be had, a line a file: why, then the line of the list.
  const std::string& absent() const { return absent_; }

 private:
  enum class Outcome { written, deleted, missing, corrupt };

  Result<Outcome> copy_first(yield_context yield, const std::vector<NamedFile>& files);
  Result<Outcome> copy(yield_context yield, NamedFile file);
  Result<Outcome> copy_as_it_is(yield_context yield, const NamedFile& file);
  Result<Outcome> link(yield_context yield, const NamedFile& file, bool& is_linked);
  Result<Outcome> outcome_of(const NamedFile& file, const Error& error);
  Result<void> read_source(yield_context yield, const NamedFile& file,
                           const storage::ByteSink& sink);
  Result<std::string> store_now(const NamedFile& file);
  Result<void> verify(yield_context yield, const NamedFile& file);
  Result<void> note_absent(Outcome outcome, const std::vector<NamedFile>& files);

  const Config& config_;
  Archive& archive_;
  Inventory& inventory_;
  storage::Stores& stores_;
  OperatorSession& session_;
  BackupReport& report_;
  std::string absent_;
};

}  // namespace media::backup
