#include "indexer/storage/s3_multipart.hpp"

#include <algorithm>
#include <map>

#include "indexer/coroutine.hpp"
#include "indexer/log.hpp"
#include "indexer/storage/s3_object.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

constexpr std::uint64_t kMostParts = 9000;  // of the 10000 that S3 takes
constexpr std::uint64_t kMebibyte = 1 << 20;
constexpr std::size_t kPiece = 256u << 10;
constexpr int kAborts = 5;

bool is_gone(const S3Answer& answer) {
  // Ceph says NoSuchKey where others say NoSuchUpload.
  return answer.status == 404 && answer.refusal().code != "NoSuchBucket";
}

Result<Sha256Digest> hash_of(const Upload& file, std::uint64_t offset, std::uint64_t size) {
  Sha256 hash;
  std::vector<std::uint8_t> piece(kPiece);
  for (std::uint64_t done = 0; done < size;) {
    const auto wanted = std::min<std::uint64_t>(piece.size(), size - done);
    const auto count = file.read(offset + done, std::span(piece).first(wanted));
    if (!count) return std::unexpected(count.error());
    if (*count == 0) return fail(ErrorCode::storage, "the temporary file became shorter");
    hash.update(ByteView(piece).first(*count));
    done += *count;
  }
  return hash.finish();
}

/// The parts of one upload, while they are sent.
class Sending {
 public:
  Sending(const S3PartsContext& context, const S3PartsJob& job, StartedUpload upload)
      : context_(context),
        job_(job),
        upload_(std::move(upload)),
        last_((job.file.size() + upload_.part_bytes - 1) / upload_.part_bytes),
        all_ended_(context.loop, boost::asio::steady_timer::time_point::max()) {}

  const std::string& id() const { return upload_.id; }

  /// False: the store does not know the upload any more.
  Result<bool> find_sent_parts(yield_context yield) {
    std::string marker;
    do {
      S3Call call{.key = job_.key, .query = {{"uploadId", upload_.id}}};
      if (!marker.empty()) call.query.emplace_back("part-number-marker", marker);
      const auto answer = context_.client.call(yield, call);
      if (!answer) return std::unexpected(answer.error());
      if (is_gone(*answer)) return false;
      if (!answer->is_success()) return std::unexpected(context_.client.error_of(call, *answer));
      auto page = parse_s3_parts(answer->body);
      if (!page) return std::unexpected(page.error());
      for (S3Part& part : page->parts) take_sent(std::move(part));
      marker = std::move(page->next_marker);
    } while (!marker.empty());
    return true;
  }

  /// Returns once no part is under way any more.
  Result<void> send_all(yield_context yield) {
    const std::size_t senders = std::min<std::size_t>(context_.settings.concurrency, last_);
    running_ = senders;
    for (std::size_t i = 0; i < senders; ++i) {
      spawn(context_.loop, "upload of parts", [this](yield_context inner) {
        send_some(inner);
        if (--running_ == 0) all_ended_.cancel();
      });
    }
    boost::system::error_code ignored;
    while (running_ > 0) all_ended_.async_wait(yield[ignored]);
    return failure_ ? Result<void>(std::unexpected(*failure_)) : Result<void>();
  }

  /// In ascending order, as Complete wants them.
  std::vector<S3Part> sent() const {
    std::vector<S3Part> parts;
    parts.reserve(sent_.size());
    for (const auto& [number, part] : sent_) parts.push_back(part);
    return parts;
  }

 private:
  std::uint64_t offset_of(int number) const {
    return static_cast<std::uint64_t>(number - 1) * upload_.part_bytes;
  }
  std::uint64_t size_of(int number) const {
    return std::min(upload_.part_bytes, job_.file.size() - offset_of(number));
  }
  /// Of these very bytes, as the journal says: their number and size tell which they are.
  void take_sent(S3Part part) {
    const bool is_ours = part.number >= 1 && static_cast<std::uint64_t>(part.number) <= last_ &&
                         part.size == size_of(part.number);
    if (is_ours) sent_.insert_or_assign(part.number, std::move(part));
  }

  void send_some(yield_context yield) {
    while (!failure_) {
      while (static_cast<std::uint64_t>(next_) <= last_ && sent_.contains(next_)) ++next_;
      if (static_cast<std::uint64_t>(next_) > last_) return;
      if (auto sent = send(yield, next_++); !sent && !failure_) failure_ = std::move(sent.error());
    }
  }

  Result<void> send(yield_context yield, int number) {
    S3Body body{&job_.file, offset_of(number), size_of(number), {}};
    const auto digest = run_blocking(context_.workers, yield,
                                     [&] { return hash_of(*body.file, body.offset, body.size); });
    if (!digest) return std::unexpected(digest.error());
    body.sha256 = *digest;
    S3Call call{.method = "PUT", .key = job_.key};
    call.query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_.id}};
    call.body = body;
    const auto answer = context_.client.succeed(yield, call);
    if (!answer) return std::unexpected(answer.error());
    sent_.insert_or_assign(number, S3Part{number, body.size, unquoted(answer->header("etag"))});
    return {};
  }

  const S3PartsContext& context_;
  const S3PartsJob& job_;
  const StartedUpload upload_;
  const std::uint64_t last_;
  std::map<int, S3Part> sent_;
  int next_ = 1;
  std::size_t running_ = 0;
  std::optional<Error> failure_;
  boost::asio::steady_timer all_ended_;
};

Result<StartedUpload> start(yield_context yield, const S3PartsContext& context,
                            const S3PartsJob& job, const UploadGoal& goal) {
  S3Call call{.method = "POST", .key = job.key, .query = {{"uploads", ""}}};
  call.headers = object_headers(job.metadata);
  const auto answer = context.client.succeed(yield, call);
  if (!answer) return std::unexpected(answer.error());
  auto id = parse_s3_upload_id(answer->body);
  if (!id) return std::unexpected(id.error());
  StartedUpload upload{std::move(*id), s3_part_size(job.file.size(), context.settings.part_bytes)};
  if (context.journal == nullptr) return upload;
  if (auto noted = context.journal->begin(yield, goal, upload); !noted) {
    // Nobody would ever know of it.
    const auto ignored = abort_upload(yield, context.client, job.key, upload.id);
    return std::unexpected(std::move(noted.error()).context("note an upload"));
  }
  return upload;
}

void forget(yield_context yield, const S3PartsContext& context, std::string_view upload_id) {
  if (context.journal == nullptr) return;
  // Best effort: what stays is looked at once more, and found to be gone.
  if (auto ended = context.journal->end(yield, context.settings.name, upload_id); !ended) {
    log::warn("upload_not_forgotten",
              {{"store", context.settings.name}, {"error", ended.error().message}});
  }
}

void give_up(yield_context yield, const S3PartsContext& context, const S3PartsJob& job,
             std::string_view upload_id) {
  if (auto aborted = abort_upload(yield, context.client, job.key, upload_id); !aborted) {
    log::warn("upload_not_given_up",
              {{"store", context.settings.name}, {"error", aborted.error().message}});
    return;
  }
  forget(yield, context, upload_id);
}

/// Verifies what came of it: no answer to Complete can be relied upon.
Result<S3PartsEnd> look_at_result(yield_context yield, const S3PartsContext& context,
                                  const S3PartsJob& job) {
  const S3Call call{.method = "HEAD", .key = job.key};
  const auto answer = context.client.call(yield, call);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status == 404) return S3PartsEnd::lost;
  if (!answer->is_success()) return std::unexpected(context.client.error_of(call, *answer));
  const ObjectInfo info = object_info(job.key, *answer);
  const bool is_ours = info.size == job.file.size() && info.sha256 == job.metadata.sha256;
  return is_ours ? S3PartsEnd::stored : S3PartsEnd::taken;
}

Result<S3PartsEnd> complete(yield_context yield, const S3PartsContext& context,
                            const S3PartsJob& job, const Sending& sending) {
  S3Call call{.method = "POST", .key = job.key, .query = {{"uploadId", sending.id()}}};
  call.headers = {{"content-type", "application/xml"}};
  const bool is_conditional = job.conditions != S3Conditions::refused;
  if (is_conditional) call.headers.emplace_back("if-none-match", "*");
  call.text = s3_completion(sending.sent());
  call.can_fail_late = true;
  const auto answer = context.client.call(yield, call);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status == 501 && is_conditional) {
    job.conditions = S3Conditions::refused;
    return complete(yield, context, job, sending);
  }
  if (answer->status == 412) {
    give_up(yield, context, job, sending.id());
    return S3PartsEnd::taken;
  }
  if (!answer->is_success() && !is_gone(*answer)) {
    // InvalidPart, EntityTooSmall: these parts will never do.
    if (answer->status == 400) give_up(yield, context, job, sending.id());
    return std::unexpected(context.client.error_of(call, *answer));
  }
  const auto end = look_at_result(yield, context, job);
  if (end) forget(yield, context, sending.id());
  return end;
}

/// Nothing: there is none that could be gone on with.
Result<std::optional<StartedUpload>> earlier(yield_context yield, const S3PartsContext& context,
                                             const UploadGoal& goal) {
  if (context.journal == nullptr) return std::nullopt;
  auto found = context.journal->find(yield, goal);
  if (!found) return std::unexpected(std::move(found.error()).context("find an upload"));
  return std::move(*found);
}

}  // namespace

std::uint64_t s3_part_size(std::uint64_t file_size, std::uint64_t wanted) {
  const std::uint64_t least = (file_size + kMostParts - 1) / kMostParts;
  return std::max(wanted, (least + kMebibyte - 1) / kMebibyte * kMebibyte);
}

Result<S3PartsEnd> upload_in_parts(yield_context yield, const S3PartsContext& context,
                                   const S3PartsJob& job) {
  const UploadGoal goal{context.settings.name, job.key, job.metadata.sha256, job.file.size()};
  const auto known = earlier(yield, context, goal);
  if (!known) return std::unexpected(known.error());
  std::optional<Sending> sending;
  if (*known) {
    sending.emplace(context, job, **known);
    const auto is_there = sending->find_sent_parts(yield);
    if (!is_there) return std::unexpected(is_there.error());
    if (!*is_there) {
      forget(yield, context, sending->id());
      sending.reset();
      // Completed, perhaps, and nobody heard of it.
      const auto end = look_at_result(yield, context, job);
      if (!end || *end != S3PartsEnd::lost) return end;
    } else {
      log::info("upload_resumed", {{"store", context.settings.name},
                                   {"parts", static_cast<std::int64_t>(sending->sent().size())}});
    }
  }
  if (!sending) {
    auto started = start(yield, context, job, goal);
    if (!started) return std::unexpected(started.error());
    sending.emplace(context, job, std::move(*started));
  }
  if (auto sent = sending->send_all(yield); !sent) return std::unexpected(sent.error());
  return complete(yield, context, job, *sending);
}

Result<void> abort_upload(yield_context yield, S3Client& client, std::string_view key,
                          std::string_view upload_id) {
  const S3Pairs query{{"uploadId", std::string(upload_id)}};
  for (int tries = 0; tries < kAborts; ++tries) {
    const S3Call abort{.method = "DELETE", .key = std::string(key), .query = query};
    const auto aborted = client.call(yield, abort);
    if (!aborted) return std::unexpected(aborted.error());
    if (is_gone(*aborted)) return {};
    if (!aborted->is_success()) return std::unexpected(client.error_of(abort, *aborted));
    // A part that was under way may have landed after it.
    const auto left = client.call(yield, {.key = std::string(key), .query = query});
    if (!left) return std::unexpected(left.error());
    if (is_gone(*left)) return {};
  }
  return fail(ErrorCode::storage, "the parts of an upload come back again and again");
}

}  // namespace media::storage
