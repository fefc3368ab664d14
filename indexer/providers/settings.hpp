#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace media::providers {

/// [providers.NAME] of the configuration.
struct ProviderSettings {
  std::string api_url;  ///< empty: the provider's API is not used
  std::vector<std::string> media_hosts;
  std::vector<std::string> redirect_hosts;
  std::chrono::seconds tolerance{300};  ///< how far from now a signature's time may be
};

/// By the provider's name.
using SettingsByProvider = std::map<std::string, ProviderSettings, std::less<>>;

/// What holds where the configuration says nothing.
SettingsByProvider default_settings();

}  // namespace media::providers
