#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "core/s3_endpoint.hpp"
#include "core/sigv4.hpp"
#include "indexer/config.hpp"
#include "indexer/fetch/http_client.hpp"
#include "indexer/storage/blob_store.hpp"
#include "indexer/storage/s3_answers.hpp"
#include "indexer/storage/s3_keys.hpp"
#include "indexer/storage/s3_pace.hpp"

namespace media::storage {

/// How the client behaves. Tests have less time.
struct S3Habits {
  int tries = 6;
  std::chrono::milliseconds first_pause{500};  ///< at most; doubles with every try
  std::chrono::milliseconds longest_pause{20000};
  std::chrono::milliseconds stall_timeout{60000};
  int listed_at_once = 1000;
};

/// The bytes of an upload that a request sends.
struct S3Body {
  const Upload* file = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  Sha256Digest sha256{};  ///< of these bytes
};

/// One request to the bucket, or to an object in it.
struct S3Call {
  std::string method = "GET";
  std::string key = {};  ///< empty: the bucket
  S3Pairs query = {};
  S3Pairs headers = {};
  std::string text = {};            ///< a short body
  std::optional<S3Body> body = {};  ///< in its place
  ByteSink sink = {};               ///< of a 2xx answer's body; else it is in the answer
  bool is_anonymous = false;        ///< not signed
  bool can_fail_late = false;       ///< a 200 may hold an <Error>
};

struct S3Answer {
  int status = 0;
  std::string body;
  fetch::HttpHeaders headers;

  bool is_success() const { return status >= 200 && status < 300; }
  S3Refusal refusal() const { return parse_s3_refusal(status, body); }
  /// Empty: the answer has none of that name, which is given in lower case.
  std::string header(std::string_view name) const;
};

/// Sends signed requests to one bucket. What may pass is tried again, with pauses of
/// random length; SlowDown also halves the number of uploads at the same time. A wrong
/// clock of this host is corrected by the server's. Nothing secret is in any message.
class S3Client {
 public:
  /// Settings that make no endpoint are a std::invalid_argument.
  S3Client(boost::asio::io_context& loop, const S3StoreConfig& settings, S3Habits habits = {});

  /// Any answer that is final, whatever its status. Error `storage`: there was none;
  /// `truncated`; `cancelled`; or the sink's.
  Result<S3Answer> call(boost::asio::yield_context yield, const S3Call& call);
  /// The same, where everything but 2xx is an error: `not_found` for 404, else `storage`.
  Result<S3Answer> succeed(boost::asio::yield_context yield, const S3Call& call);
  /// Of a refused request, with what it was.
  Error error_of(const S3Call& call, const S3Answer& answer) const;

  /// Ends what runs, and all that is asked for later, with `cancelled`.
  void cancel_all();

  S3Keys& keys() { return keys_; }
  const S3Endpoint& endpoint() const { return endpoint_; }
  std::size_t uploads_at_once() const { return pace_.limit(); }

 private:
  Result<S3Answer> send(boost::asio::yield_context yield, const S3Call& call);
  Result<fetch::HttpRequest> request_of(const S3Call& call);
  /// Until the request is to be sent again; nothing: its answer is final.
  std::optional<std::chrono::milliseconds> pause_after(const S3Call& call,
                                                       const Result<S3Answer>& answer, int tries);
  bool corrects_clock(const S3Answer& answer);
  std::chrono::milliseconds random_pause(int tries);
  void pause(boost::asio::yield_context yield, std::chrono::milliseconds time);
  std::string name_of(const S3Call& call) const;

  boost::asio::io_context& loop_;
  const std::string store_;
  const S3Endpoint endpoint_;
  const S3Habits habits_;
  S3Keys keys_;
  SigningKey signing_key_;
  std::unique_ptr<fetch::HttpClient> http_;
  S3Pace pace_;
  std::mt19937_64 random_{std::random_device()()};
  std::int64_t clock_offset_ = 0;  ///< seconds that the server's clock is ahead
  std::set<boost::asio::steady_timer*> pauses_;
  bool is_cancelled_ = false;
};

}  // namespace media::storage
