#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "core/error.hpp"
#include "core/s3_credentials.hpp"
#include "indexer/config.hpp"

namespace media::storage {

/// Who signs the requests of a store: what its key file says, which is read again
/// when it has changed, or what the environment said.
class S3Keys {
 public:
  explicit S3Keys(const S3StoreConfig& settings);

  /// The last good ones when the file has been broken since. Error: there never were any.
  Result<S3Credentials> current();

 private:
  using Version = std::tuple<std::uint64_t, std::int64_t, std::int64_t, std::int64_t>;
  std::optional<Version> version_on_disk() const;

  const std::string store_;
  const std::string path_;
  std::optional<Version> seen_;
  std::optional<S3Credentials> credentials_;
};

}  // namespace media::storage
