#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/spawn.hpp>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "core/error.hpp"
#include "indexer/storage/upload.hpp"

namespace media::storage {

/// What is kept beside an object's bytes, where the store can do that.
struct ObjectMetadata {
  std::string content_type;
  std::string file_name;
  std::string account_id;
  Sha256Digest sha256{};  ///< of the bytes; always needed
};

/// What a store knows of an object.
struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  std::int64_t modified_at = 0;        ///< Unix seconds
  std::optional<Sha256Digest> sha256;  ///< as it was stored with; not of listed objects
  std::string content_type;            ///< empty: not kept, or not of listed objects
};

/// What publish() made of an upload.
struct Published {
  std::string key;  ///< the wanted key, or a numbered variant when that one was taken
};

using ByteSink = std::function<Result<void>(ByteView chunk)>;
using ObjectSink = std::function<Result<void>(const ObjectInfo& object)>;

/// Where bytes live: a directory, or a bucket of an object store. The seam that
/// tests replace. Keys that are not valid are `invalid_argument`, what the store
/// refuses is `storage`.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  /// As in media.blobs.store.
  virtual std::string_view name() const = 0;

  /// Makes the bytes durable and readable under a key, never overwriting: a
  /// key taken by the very same bytes is adopted, by others numbered.
  virtual Result<Published> publish(boost::asio::yield_context yield,
                                    std::unique_ptr<Upload> upload, std::string_view key,
                                    const ObjectMetadata& metadata) = 0;
  /// Removes a key; one that is absent is no error.
  virtual Result<void> remove(boost::asio::yield_context yield, std::string_view key) = 0;

  /// Error `not_found`.
  virtual Result<ObjectInfo> stat(boost::asio::yield_context yield, std::string_view key) = 0;
  /// Streams all bytes into the sink, on the loop. Errors: `not_found`, `truncated`
  /// (fewer than announced), or the sink's.
  virtual Result<void> retrieve(boost::asio::yield_context yield, std::string_view key,
                                const ByteSink& sink) = 0;
  /// Every object whose key begins with the prefix, in the order of the store. A
  /// listing that fails anywhere is an error of the whole, as is the sink's.
  virtual Result<void> list(boost::asio::yield_context yield, std::string_view prefix,
                            const ObjectSink& sink) = 0;

  /// Where everybody may read it; empty: the store has no such place.
  virtual std::string url(std::string_view key) const = 0;

  /// Cheap, asks no network: whether the store can be used as far as this host knows.
  virtual Result<void> check() = 0;
  /// Asks the store itself: reachable, writable, and not public when it should be private.
  virtual Result<void> probe(boost::asio::yield_context yield) = 0;

  /// Gives up an upload in parts that an earlier run began; absent: no error.
  virtual Result<void> abort_upload(boost::asio::yield_context, std::string_view /*key*/,
                                    std::string_view /*upload_id*/) {
    return {};
  }
  /// Ends what runs with `cancelled`: the program stops.
  virtual void cancel_all() {}
};

}  // namespace media::storage
