#pragma once

#include <map>
#include <string>
#include <vector>

namespace media::providers {

/// [providers.NAME] of the configuration.
struct ProviderSettings {
  std::string api_url;  ///< empty: the provider's API is not used
  std::vector<std::string> media_hosts;
  std::vector<std::string> redirect_hosts;
};

/// By the provider's name.
using SettingsByProvider = std::map<std::string, ProviderSettings, std::less<>>;

/// What holds where the configuration says nothing.
SettingsByProvider default_settings();

}  // namespace media::providers
