#pragma once

#include <string>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/config.hpp"
#include "indexer/db/database.hpp"
#include "indexer/ops/command_line.hpp"

namespace media::ops {

/// Each does what its command says and returns what goes to standard output.
Result<std::string> add_company(const Config& config, const CommandLine& line);
Result<std::string> add_user(const Config& config, const CommandLine& line);
Result<std::string> add_account(const Config& config, const CommandLine& line);
Result<std::string> set_account(const Config& config, const CommandLine& line);
Result<std::string> make_token(const Config& config, const CommandLine& line);
Result<std::string> open_session(const Config& config, const CommandLine& line);
/// Also tells on standard error what counts no longer.
Result<std::string> revoke_session(const Config& config, const CommandLine& line);
Result<std::string> list_sessions(const Config& config, const CommandLine& line);
Result<std::string> make_link(const Config& config, const CommandLine& line);
/// Also tells on standard error how much it is.
Result<std::string> list_quarantine(const Config& config, const CommandLine& line);
Result<std::string> release_from_quarantine(const Config& config, const CommandLine& line);
Result<std::string> delete_from_quarantine(const Config& config, const CommandLine& line);
/// These print what they find, and return the exit status.
int explain(const Config& config, const CommandLine& line);
int replay(const Config& config, const CommandLine& line);
int doctor(const Config& config, const CommandLine& line);
int backup(const Config& config, const CommandLine& line);
int restore(const Config& config, const CommandLine& line);
int fsck(const Config& config, const CommandLine& line);
int migrate(const Config& config, const CommandLine& line);
int adopt(const Config& config, const CommandLine& line);
/// Queues failed downloads again. Error `not_found`: some of those named could not be.
Result<std::string> retry_downloads(const Config& config, const CommandLine& line);
/// Returns what is in the queue; with --watch not before something fails.
Result<std::string> show_queue(const Config& config, const CommandLine& line);
/// Deletes old media, or tells how much it would be.
Result<std::string> clean_up(const Config& config, const CommandLine& line);
Result<std::string> set_retention(const Config& config, const CommandLine& line);
Result<std::string> remove_retention(const Config& config, const CommandLine& line);
Result<std::string> list_retention(const Config& config, const CommandLine& line);
/// The buckets of the S3 stores. What they have but should not is an error.
Result<std::string> create_buckets(const Config& config, const CommandLine& line);
Result<std::string> check_buckets(const Config& config, const CommandLine& line);
/// Also tells on standard error what it made and what was there.
Result<std::string> initialise(const Config& config);

/// Id of a company. Error `not_found` with a hint.
Result<std::string> find_company(db::Database& database, boost::asio::yield_context yield,
                                 const std::string& name_or_id);

struct Member {
  std::string company;  ///< id
  std::string user;     ///< id
  std::string role;
};

/// The user and company that a command line names. Error `not_found` with a hint.
Result<Member> find_member(db::Database& database, boost::asio::yield_context yield,
                           const CommandLine& line);

}  // namespace media::ops
