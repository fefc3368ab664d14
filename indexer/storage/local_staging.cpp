#include "indexer/coroutine.hpp"
#include "indexer/storage/directory.hpp"
#include "indexer/storage/local_store.hpp"
#include "indexer/storage/local_upload.hpp"
#include "indexer/storage/quarantine.hpp"

namespace media::storage {
namespace {

class LocalStaging final : public Staging {
 public:
  LocalStaging(std::string root, boost::asio::thread_pool& workers, LocalStagingOptions options)
      : root_(std::move(root)), workers_(workers), options_(options) {
    if (const auto root = open_root(root_)) remove_stale_temporaries(root->get());
  }

  Result<std::unique_ptr<Upload>> begin() override {
    auto root = open_root(root_);
    if (!root) return std::unexpected(root.error());
    return LocalUpload::create(std::move(*root), options_.named_temporaries);
  }

  Result<void> quarantine(boost::asio::yield_context yield, std::unique_ptr<Upload> upload,
                          std::string_view name) override {
    const std::shared_ptr<Upload> shared = std::move(upload);
    auto* local = dynamic_cast<LocalUpload*>(shared.get());
    if (local == nullptr) return fail(ErrorCode::internal, "not an upload of this directory");
    return run_blocking(workers_, yield, [&] { return put_into_quarantine(*local, name); });
  }

  Result<std::unique_ptr<Upload>> open_quarantined(boost::asio::yield_context yield,
                                                   std::string_view name) override {
    return run_blocking(workers_, yield, [&]() -> Result<std::unique_ptr<Upload>> {
      auto root = open_root(root_);
      if (!root) return std::unexpected(root.error());
      return open_in_quarantine(std::move(*root), name);
    });
  }

  Result<void> discard(boost::asio::yield_context yield, std::string_view name) override {
    return run_blocking(workers_, yield, [&]() -> Result<void> {
      const auto root = open_root(root_);
      if (!root) return std::unexpected(root.error());
      return remove_from_quarantine(root->get(), name);
    });
  }

  Result<std::vector<std::string>> quarantined(boost::asio::yield_context yield,
                                               std::chrono::seconds min_age) override {
    return run_blocking(workers_, yield, [&]() -> Result<std::vector<std::string>> {
      const auto root = open_root(root_);
      if (!root) return std::unexpected(root.error());
      return list_quarantine(root->get(), min_age);
    });
  }

  Result<void> check() override {
    auto upload = begin();
    if (!upload) return std::unexpected(upload.error());
    constexpr std::uint8_t kProbe = 0;
    return (*upload)->append({&kProbe, 1});
  }

 private:
  const std::string root_;
  boost::asio::thread_pool& workers_;
  const LocalStagingOptions options_;
};

}  // namespace

std::unique_ptr<Staging> make_local_staging(std::string root, boost::asio::thread_pool& workers,
                                            LocalStagingOptions options) {
  return std::make_unique<LocalStaging>(std::move(root), workers, options);
}

}  // namespace media::storage
