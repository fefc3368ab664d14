#pragma once

#include <string>
#include <vector>

#include "core/error.hpp"
#include "indexer/storage/blob_store.hpp"

namespace media::backup {

/// A program to be looked for in PATH.
struct Program {
  std::vector<std::string> arguments;  ///< its name first
  std::vector<std::string> environment;
  int input = -1;  ///< its standard input; -1: nothing
};

/// Runs it to its end and passes on what it writes, while its errors go to ours. Blocks.
/// Error `internal`: it can't be started or fails; or the sink's, then it is stopped.
Result<void> run_program(const Program& program, const storage::ByteSink& output);

}  // namespace media::backup
