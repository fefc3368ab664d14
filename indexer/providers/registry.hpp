#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "indexer/config.hpp"
#include "indexer/providers/provider.hpp"
#include "indexer/providers/settings.hpp"

namespace media::providers {

/// What a provider's file has to say for the daemon to know it.
struct Registration {
  std::string_view name;
  std::unique_ptr<Provider> (*make)(const ProviderSettings& settings,
                                    const std::string& public_url);
  ProviderSettings defaults;
  std::string_view api_url_name = "api_url";  ///< of the setting
  std::string_view api_path = "";             ///< appended to an api_url without a path
  bool sends_credential = false;              ///< to media hosts: "any host" will not do
  bool has_tolerance = false;                 ///< the provider's documents name none
};

/// All providers of this build.
std::vector<Registration> registrations();

/// The providers, made for a configuration.
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
