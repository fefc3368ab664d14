#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/config.hpp"
#include "indexer/storage/blob_store.hpp"
#include "indexer/storage/staging.hpp"
#include "indexer/storage/upload_journal.hpp"

namespace media::storage {

/// The stores of the configuration by name; "local" is always one of them.
class Stores {
 public:
  /// `default_store` and the values of `by_bucket` name stores of the list.
  Stores(std::unique_ptr<Staging> staging, std::vector<std::unique_ptr<BlobStore>> stores,
         std::string_view default_store, std::map<std::string, std::string, std::less<>> by_bucket);

  Staging& staging() { return *staging_; }
  /// Null: the configuration has none of that name.
  BlobStore* find(std::string_view name);
  std::vector<BlobStore*> all();
  /// The one that new media of a bucket go to.
  BlobStore& of_bucket(std::string_view bucket);

  /// check() of all that could take new media.
  Result<void> check();

  /// Ends what runs with `cancelled`: the program stops.
  void cancel_all();

 private:
  std::unique_ptr<Staging> staging_;
  std::vector<std::unique_ptr<BlobStore>> stores_;
  std::string default_store_;
  std::map<std::string, std::string, std::less<>> by_bucket_;
};

/// With a journal, uploads in parts that were cut off are resumed; it must outlive the stores.
std::unique_ptr<Stores> make_stores(boost::asio::io_context& loop,
                                    boost::asio::thread_pool& workers, const Config& config,
                                    UploadJournal* journal = nullptr);

}  // namespace media::storage
