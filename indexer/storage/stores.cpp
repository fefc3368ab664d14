#include "indexer/storage/stores.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "indexer/storage/local_store.hpp"
#include "indexer/storage/s3_store.hpp"

namespace media::storage {

Stores::Stores(std::unique_ptr<Staging> staging, std::vector<std::unique_ptr<BlobStore>> stores,
               std::string_view default_store,
               std::map<std::string, std::string, std::less<>> by_bucket)
    : staging_(std::move(staging)),
      stores_(std::move(stores)),
      default_store_(default_store),
      by_bucket_(std::move(by_bucket)) {}

BlobStore* Stores::find(std::string_view name) {
  const auto found =
      std::ranges::find(stores_, name, [](const auto& store) { return store->name(); });
  return found == stores_.end() ? nullptr : found->get();
}

std::vector<BlobStore*> Stores::all() {
  std::vector<BlobStore*> stores;
  stores.reserve(stores_.size());
  for (const auto& store : stores_) stores.push_back(store.get());
  return stores;
}

BlobStore& Stores::of_bucket(std::string_view bucket) {
  const auto chosen = by_bucket_.find(bucket);
  BlobStore* store = find(chosen == by_bucket_.end() ? default_store_ : chosen->second);
  if (store == nullptr) throw std::logic_error("a bucket's store is not configured");
  return *store;
}

Result<void> Stores::check() {
  if (auto checked = staging_->check(); !checked) return checked;
  std::set<std::string, std::less<>> used{default_store_};
  for (const auto& [bucket, store] : by_bucket_) used.insert(store);
  for (const auto& store : stores_) {
    if (!used.contains(store->name())) continue;
    if (auto checked = store->check(); !checked) return checked;
  }
  return {};
}

void Stores::cancel_all() {
  for (const auto& store : stores_) store->cancel_all();
}

std::unique_ptr<Stores> make_stores(boost::asio::io_context& loop,
                                    boost::asio::thread_pool& workers, const Config& config,
                                    UploadJournal* journal) {
  const StorageConfig& storage = config.storage;
  std::vector<std::unique_ptr<BlobStore>> stores;
  stores.push_back(make_local_store(storage.root, workers));
  for (const S3StoreConfig& settings : storage.s3) {
    stores.push_back(make_s3_store(loop, workers, settings, journal));
  }
  return std::make_unique<Stores>(make_local_staging(storage.root, workers), std::move(stores),
                                  storage.default_store, storage.by_bucket);
}

}  // namespace media::storage
