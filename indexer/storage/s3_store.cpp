#include "indexer/storage/s3_store.hpp"

#include "core/encoding.hpp"
#include "core/storage_key.hpp"
#include "indexer/fetch/keyed_locks.hpp"
#include "indexer/log.hpp"
#include "indexer/storage/content.hpp"
#include "indexer/storage/s3_bucket.hpp"
#include "indexer/storage/s3_multipart.hpp"
#include "indexer/storage/s3_object.hpp"

namespace media::storage {
namespace {

using boost::asio::yield_context;

constexpr int kMaxKeyVariants = 1000;
constexpr int kMaxCollisions = 5;  // of one key, whose holders come and go meanwhile

/// What is under the key that an upload wants.
enum class Holder { nobody, our_bytes, other_bytes };

class S3Store final : public BlobStore {
 public:
  S3Store(boost::asio::io_context& loop, boost::asio::thread_pool& workers,
          const S3StoreConfig& settings, UploadJournal* journal, S3Habits habits)
      : settings_(settings),
        habits_(habits),
        client_(loop, settings_, habits),
        parts_{loop, workers, client_, journal, settings_},
        keys_in_use_(loop) {}

  std::string_view name() const override { return settings_.name; }

  Result<Published> publish(yield_context yield, std::unique_ptr<Upload> upload,
                            std::string_view key, const ObjectMetadata& metadata) override {
    const std::shared_ptr<const Upload> file = std::move(upload);
    for (int number = 0; number < kMaxKeyVariants; ++number) {
      const std::string variant =
          number == 0 ? std::string(key) : numbered_storage_key(key, number);
      if (auto usable = check_object_key(variant); !usable) return std::unexpected(usable.error());
      // Stores that ignore If-None-Match: at least this process does not race with itself.
      const auto held = keys_in_use_.acquire(yield, variant);
      const auto has_it = put(yield, *file, variant, metadata);
      if (!has_it) return storage_error(has_it.error());
      if (*has_it) return Published{variant};
    }
    return fail(ErrorCode::storage, "all variants of the key are taken");
  }

  Result<void> remove(yield_context yield, std::string_view key) override {
    if (auto usable = check_object_key(key); !usable) return usable;
    S3Call call{.method = "DELETE", .key = std::string(key)};
    const auto answer = client_.call(yield, call);
    if (!answer) return std::unexpected(answer.error());
    const bool is_gone = answer->status == 404 && answer->refusal().code != "NoSuchBucket";
    if (answer->is_success() || is_gone) return {};
    return storage_error(client_.error_of(call, *answer));
  }

  Result<ObjectInfo> stat(yield_context yield, std::string_view key) override {
    if (auto usable = check_object_key(key); !usable) return std::unexpected(usable.error());
    const auto answer = client_.succeed(yield, {.method = "HEAD", .key = std::string(key)});
    if (!answer) return std::unexpected(answer.error());
    return object_info(key, *answer);
  }

  Result<void> retrieve(yield_context yield, std::string_view key, const ByteSink& sink) override {
    if (auto usable = check_object_key(key); !usable) return usable;
    const auto answer = client_.succeed(yield, {.key = std::string(key), .sink = sink});
    return answer ? Result<void>() : std::unexpected(answer.error());
  }

  Result<void> list(yield_context yield, std::string_view prefix, const ObjectSink& sink) override {
    const S3Pairs query{{"list-type", "2"},
                        {"encoding-type", "url"},
                        {"max-keys", std::to_string(habits_.listed_at_once)},
                        {"prefix", std::string(prefix)}};
    std::string token;
    do {
      auto page = query;
      if (!token.empty()) page.emplace_back("continuation-token", token);
      const auto answer = client_.succeed(yield, {.query = std::move(page)});
      // A bucket that is not there is no empty one.
      if (!answer) return storage_error(answer.error());
      auto listing = parse_s3_listing(answer->body);
      if (!listing) return std::unexpected(listing.error());
      for (const ObjectInfo& object : listing->objects) {
        if (!object.key.starts_with(prefix)) return fail(ErrorCode::storage, "a foreign listing");
        if (is_reserved_storage_key(object.key)) continue;
        if (auto taken = sink(object); !taken) return taken;
      }
      if (!listing->next_token.empty() && listing->next_token == token) {
        return fail(ErrorCode::storage, "the listing goes round in circles");
      }
      token = std::move(listing->next_token);
    } while (!token.empty());
    return {};
  }

  std::string url(std::string_view key) const override {
    if (settings_.public_url.empty()) return {};
    return settings_.public_url + "/" + percent_encode(key, "/");
  }

  Result<void> check() override {
    const auto credentials = client_.keys().current();
    return credentials ? Result<void>() : std::unexpected(credentials.error());
  }

  Result<void> probe(yield_context yield) override {
    return probe_bucket(yield, client_, settings_.is_public);
  }

  Result<void> abort_upload(yield_context yield, std::string_view key,
                            std::string_view upload_id) override {
    return storage::abort_upload(yield, client_, key, upload_id);
  }
  void cancel_all() override { client_.cancel_all(); }

 private:
  static std::unexpected<Error> storage_error(Error error) {
    if (error.code == ErrorCode::not_found) error.code = ErrorCode::storage;
    return std::unexpected(std::move(error));
  }

  /// Whether the key has these bytes now; false: it has others.
  Result<bool> put(yield_context yield, const Upload& file, const std::string& key,
                   const ObjectMetadata& metadata) {
    const bool is_large = file.size() > settings_.multipart_threshold;
    // A store that never overwrites says itself that a key is taken.
    bool looks_first = is_large || conditions_ != S3Conditions::kept;
    for (int collision = 0; collision < kMaxCollisions; ++collision) {
      const auto holder =
          looks_first ? holder_of(yield, key, file.size(), metadata.sha256) : Holder::nobody;
      if (!holder) return std::unexpected(holder.error());
      if (*holder != Holder::nobody) return *holder == Holder::our_bytes;
      const auto stored = is_large ? put_in_parts(yield, file, key, metadata)
                                   : put_if_free(yield, file, key, metadata);
      if (!stored) return std::unexpected(stored.error());
      if (*stored) return true;
      looks_first = true;
    }
    return fail(ErrorCode::storage, "the key is taken and given up again and again");
  }

  Result<Holder> holder_of(yield_context yield, const std::string& key, std::uint64_t size,
                           const Sha256Digest& sha256) {
    const auto info = stat(yield, key);
    if (!info && info.error().code == ErrorCode::not_found) return Holder::nobody;
    if (!info) return std::unexpected(info.error());
    if (info->size != size) return Holder::other_bytes;
    if (info->sha256) return holder_with(*info->sha256, sha256);
    // What others have stored.
    const auto content = content_of(yield, *this, key);
    if (!content) return std::unexpected(content.error());
    return holder_with(content->sha256, sha256);
  }

  static Holder holder_with(const Sha256Digest& found, const Sha256Digest& ours) {
    return found == ours ? Holder::our_bytes : Holder::other_bytes;
  }

  /// False: somebody else had the key first.
  Result<bool> put_if_free(yield_context yield, const Upload& file, const std::string& key,
                           const ObjectMetadata& metadata) {
    S3Call call{.method = "PUT", .key = key, .headers = object_headers(metadata)};
    call.body = S3Body{&file, 0, file.size(), metadata.sha256};
    // Others may learn meanwhile that there are none.
    const bool is_conditional = conditions_ != S3Conditions::refused;
    if (is_conditional) call.headers.emplace_back("if-none-match", "*");
    const auto answer = client_.call(yield, call);
    if (!answer) return std::unexpected(answer.error());
    if (answer->is_success()) {
      if (conditions_ == S3Conditions::untried) try_to_overwrite(yield, call);
      return true;
    }
    if (answer->status == 412) return false;
    if (answer->status == 501 && is_conditional) {
      log::info("s3_store_without_conditions", {{"store", settings_.name}});
      conditions_ = S3Conditions::refused;
      return false;  // another look at the key, then without
    }
    return storage_error(client_.error_of(call, *answer));
  }

  /// The first thing stored, once more: some stores do not even look at If-None-Match.
  void try_to_overwrite(yield_context yield, const S3Call& stored) {
    conditions_ = S3Conditions::ignored;  // as long as nothing else is known
    const auto again = client_.call(yield, stored);
    if (again && again->status == 412) conditions_ = S3Conditions::kept;
  }

  Result<bool> put_in_parts(yield_context yield, const Upload& file, const std::string& key,
                            const ObjectMetadata& metadata) {
    const auto end = upload_in_parts(yield, parts_, {file, key, metadata, conditions_});
    if (!end) return std::unexpected(end.error());
    return *end == S3PartsEnd::stored;
  }

  const S3StoreConfig settings_;
  const S3Habits habits_;
  S3Client client_;
  const S3PartsContext parts_;
  fetch::KeyedLocks keys_in_use_;
  S3Conditions conditions_ = S3Conditions::untried;
};

}  // namespace

std::unique_ptr<BlobStore> make_s3_store(boost::asio::io_context& loop,
                                         boost::asio::thread_pool& workers,
                                         const S3StoreConfig& settings, UploadJournal* journal,
                                         S3Habits habits) {
  return std::make_unique<S3Store>(loop, workers, settings, journal, habits);
}

}  // namespace media::storage
