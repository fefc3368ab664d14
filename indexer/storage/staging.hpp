#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/spawn.hpp>

#include "core/error.hpp"
#include "indexer/storage/upload.hpp"

namespace media::storage {

/// Where uploads are written first, and where what is suspicious waits: always a
/// directory of this host, whatever store the bytes go to. The seam that tests replace.
class Staging {
 public:
  virtual ~Staging() = default;

  /// Starts an upload. Error `storage` when the directory is not usable, for
  /// example because its marker is missing (an unmounted disk).
  virtual Result<std::unique_ptr<Upload>> begin() = 0;

  /// Makes the bytes durable where nobody else looks, under a name of their own: a
  /// UUID in text. What had the name before is replaced.
  virtual Result<void> quarantine(boost::asio::yield_context yield, std::unique_ptr<Upload> upload,
                                  std::string_view name) = 0;
  /// What is in quarantine, to be published; it stays there as well. Error `not_found`.
  virtual Result<std::unique_ptr<Upload>> open_quarantined(boost::asio::yield_context yield,
                                                           std::string_view name) = 0;
  /// Removes what is in quarantine; what is absent is no error.
  virtual Result<void> discard(boost::asio::yield_context yield, std::string_view name) = 0;
  /// The names of what has been in quarantine for longer than that.
  virtual Result<std::vector<std::string>> quarantined(boost::asio::yield_context yield,
                                                       std::chrono::seconds min_age) = 0;

  /// Verifies that it can be written and is the directory it claims to be.
  virtual Result<void> check() = 0;
};

}  // namespace media::storage
