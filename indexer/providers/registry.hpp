#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "indexer/config.hpp"
#include "indexer/providers/provider.hpp"

namespace media::providers {

/// All providers of this build.
class Registry {
 public:
  explicit Registry(const Config& config);

  /// Null when there is none of that name.
  const Provider* find(std::string_view name) const;
  const std::vector<std::unique_ptr<Provider>>& all() const { return providers_; }

 private:
  std::vector<std::unique_ptr<Provider>> providers_;
};

}  // namespace media::providers
