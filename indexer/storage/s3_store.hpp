#pragma once

#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "indexer/config.hpp"
#include "indexer/storage/blob_store.hpp"
#include "indexer/storage/s3_client.hpp"
#include "indexer/storage/upload_journal.hpp"

namespace media::storage {

/// Objects of one bucket, under the very keys that a directory would have. Settings that
/// make no endpoint are a std::invalid_argument.
std::unique_ptr<BlobStore> make_s3_store(boost::asio::io_context& loop,
                                         boost::asio::thread_pool& workers,
                                         const S3StoreConfig& settings,
                                         UploadJournal* journal = nullptr, S3Habits habits = {});

}  // namespace media::storage
