#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/error.hpp"

namespace media::queue {

/// A claimed job with all that its media row and bucket say.
struct Job {
  std::int64_t id = 0;
  std::string kind;
  int attempts = 0;  ///< including this one
  int max_attempts = 0;
  std::string media_id;
  std::string company_id;
  std::string account_id;
  std::string host;  ///< of the URL, or the provider's name: what limits per host count
  std::string provider;
  std::string account_external_id;
  std::string message_external_id;
  std::string sender;
  std::int64_t sent_at = 0;  ///< Unix seconds; 0: unknown
  int item_index = 0;
  std::string event_kind;
  std::string provider_media_id;
  std::string url;
  std::int64_t url_expires_at = 0;  ///< Unix seconds; 0: unknown
  std::string file_name;
  std::string file_type;
  std::string declared_mime_type;
  std::optional<std::uint64_t> expected_size;
  std::optional<Sha256Digest> expected_sha256;
  bool is_content_new = false;  ///< no blob had that when the job was claimed
  std::int64_t deadline = 0;    ///< Unix seconds; 0: none
  std::string bucket;
  std::uint64_t max_bytes = 0;
  std::vector<std::string> allowed_mime_types;  ///< empty: any
  std::string key_template;
};

/// What else would fail now for the same reason.
enum class Scope {
  media,    ///< nothing
  host,     ///< all that the account has at this host
  account,  ///< all that the account has
};

/// What came of running a job.
struct Outcome {
  enum class Kind {
    completed,   ///< recorded already
    retry,       ///< again after `delay`
    failed,      ///< for good
    released,    ///< given back untried
    lease_lost,  ///< somebody else has it
  };
  Kind kind = Kind::completed;
  ErrorCode reason = ErrorCode::internal;
  std::string error;
  std::chrono::milliseconds delay{0};
  Scope scope = Scope::media;          ///< of a retry: what is suspended
  std::chrono::milliseconds asked{0};  ///< by the provider: a suspension is no shorter
};

/// The worker's side of a running job, looked at by its handler.
class JobControl {
 public:
  /// No longer ours or stopping: the handler ends as soon as it can.
  bool is_cancelled() const { return is_cancelled_; }
  void cancel() { is_cancelled_ = true; }

  std::chrono::steady_clock::time_point lease_until;

 private:
  bool is_cancelled_ = false;
};

/// Runs one job in its own coroutine.
using JobHandler = std::function<Outcome(boost::asio::yield_context, const Job&, JobControl&)>;

}  // namespace media::queue
