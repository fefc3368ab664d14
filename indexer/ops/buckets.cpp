#include <cstdio>
#include <memory>

#include "indexer/coroutine.hpp"
#include "indexer/ops/commands.hpp"
#include "indexer/storage/s3_bucket.hpp"

namespace media::ops {
namespace {

using boost::asio::yield_context;
using storage::S3Client;

constexpr int kOrphanDays = 7;

/// Does something with the bucket of each store that is meant; the first error ends it.
using Work =
    std::function<Result<std::string>(yield_context, const S3StoreConfig&, storage::S3Client&)>;

Result<std::string> for_each_store(const Config& config, const CommandLine& line,
                                   const Work& work) {
  boost::asio::io_context loop(1);
  std::string text;
  for (const S3StoreConfig& settings : config.storage.s3) {
    if (!line.store.empty() && line.store != settings.name) continue;
    S3Client client(loop, settings);
    Result<std::string> result;
    spawn(loop, "bucket", [&](yield_context yield) { result = work(yield, settings, client); });
    loop.restart();
    loop.run();
    const std::string name = "store " + settings.name + ", bucket " + settings.bucket;
    if (!result) return std::unexpected(std::move(result.error()).context(name));
    text += (text.empty() ? "" : "\n") + name + ": " + *result;
  }
  if (!text.empty()) return text;
  return fail(ErrorCode::not_found, line.store.empty()
                                        ? "the settings have no [storage.NAME] of type s3"
                                        : "the settings have no S3 store " + line.store);
}

Result<std::string> create(yield_context yield, const S3StoreConfig& settings, S3Client& client,
                           const std::vector<std::string>& origins) {
  const auto exists = storage::bucket_exists(yield, client);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) {
    if (auto made = storage::create_bucket(yield, client); !made) {
      return std::unexpected(made.error());
    }
  }
  if (auto probed = storage::probe_bucket(yield, client, settings.is_public); !probed) {
    return std::unexpected(probed.error());
  }
  const auto expires = storage::expire_orphaned_uploads(yield, client, kOrphanDays);
  if (!expires) {
    std::fprintf(stderr, "warning: no rule against orphaned uploads: %s\n",
                 expires.error().message.c_str());
  }
  if (!origins.empty()) {
    if (auto allowed = storage::allow_origins(yield, client, origins); !allowed) {
      return std::unexpected(std::move(allowed.error()).context("--cors-origin"));
    }
  }
  return std::string(*exists ? "was there" : "made");
}

}  // namespace

Result<std::string> create_buckets(const Config& config, const CommandLine& line) {
  return for_each_store(config, line,
                        [&](yield_context yield, const S3StoreConfig& settings, S3Client& client) {
                          return create(yield, settings, client, line.origins);
                        });
}

Result<std::string> check_buckets(const Config& config, const CommandLine& line) {
  return for_each_store(config, line,
                        [](yield_context yield, const S3StoreConfig& settings,
                           S3Client& client) -> Result<std::string> {
                          auto probed = storage::probe_bucket(yield, client, settings.is_public);
                          if (!probed) return std::unexpected(probed.error());
                          return std::string("well");
                        });
}

}  // namespace media::ops
