#pragma once

#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <gtest/gtest.h>

#include "core/crypto.hpp"
#include "indexer/storage/local_store.hpp"
#include "indexer/storage/s3_store.hpp"
#include "t/unit/indexer_fixture.hpp"

namespace media::storage {

/// Settings of the store that runs beside the tests: CEPH or SWIFT.
inline S3StoreConfig s3_settings_of(const std::string& server) {
  const auto variable = [&](const char* what) -> std::string {
    const std::string name = server + "_S3_" + what;
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) throw std::runtime_error(name + " is not set: run ./dev test unit");
    return value;
  };
  S3StoreConfig settings;
  settings.name = "s3";
  settings.endpoint = variable("ENDPOINT");
  settings.region = variable("REGION");
  settings.bucket = variable("BUCKET");
  settings.key_file = variable("KEY_FILE");
  settings.allow_plain_http = true;
  settings.multipart_threshold = 5 << 20;
  settings.part_bytes = 5 << 20;
  return settings;
}

/// A staging area, and what the tests do with stores again and again.
class StoringTest {
 public:
  using Yield = boost::asio::yield_context;

  StoringTest() {
    if (!mark_store_root(root_)) throw std::runtime_error("the store's root can't be marked");
  }

  std::unique_ptr<Upload> upload(std::string_view text) {
    auto upload = staging_->begin();
    EXPECT_TRUE(upload && (*upload)->append(as_bytes(text)));
    return std::move(*upload);
  }
  static ObjectMetadata metadata(std::string_view text) {
    return {"image/jpeg", "Grüße 1.jpg", "a1", sha256(as_bytes(text))};
  }
  /// The key that it got; a failure of the test: none.
  std::string publish(Yield yield, BlobStore& store, std::string_view key, std::string_view text) {
    const auto published = store.publish(yield, upload(text), key, metadata(text));
    EXPECT_TRUE(published) << key << ": " << published.error().message;
    return published ? published->key : "";
  }
  static std::string read(Yield yield, BlobStore& store, std::string_view key) {
    std::string text;
    const auto done = store.retrieve(yield, key, [&](ByteView piece) -> Result<void> {
      text += as_text(piece);
      return {};
    });
    EXPECT_TRUE(done) << key << ": " << done.error().message;
    return text;
  }
  static std::set<std::string> list(Yield yield, BlobStore& store, std::string_view prefix) {
    std::set<std::string> keys;
    const auto done = store.list(yield, prefix, [&](const ObjectInfo& object) -> Result<void> {
      EXPECT_TRUE(keys.insert(object.key).second) << object.key;
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return keys;
  }

  test::TemporaryDirectory directory_;
  const std::string root_ = directory_ / "store";
  boost::asio::io_context loop_{1};
  boost::asio::thread_pool workers_{2};
  const std::unique_ptr<Staging> staging_ = make_local_staging(root_, workers_);
};

}  // namespace media::storage
