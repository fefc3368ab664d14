#include "indexer/providers/registry.hpp"

#include "indexer/providers/discord.hpp"
#include "indexer/providers/generic.hpp"
#include "indexer/providers/openphone.hpp"
#include "indexer/providers/twilio.hpp"
#include "indexer/providers/whatsapp.hpp"

namespace media::providers {

std::vector<Registration> registrations() {
  return {
      whatsapp_registration(),  twilio_registration(), discord_registration(),
      openphone_registration(), quo_registration(),    generic_registration(),
  };
}

SettingsByProvider default_settings() {
  SettingsByProvider settings;
  for (Registration& entry : registrations()) {
    settings.emplace(entry.name, std::move(entry.defaults));
  }
  return settings;
}

Registry::Registry(const Config& config) {
  for (const Registration& entry : registrations()) {
    providers_.push_back(
        entry.make(config.providers.find(entry.name)->second, config.server.public_url));
  }
}

const Provider* Registry::find(std::string_view name) const {
  for (const auto& provider : providers_) {
    if (provider->name() == name) return provider.get();
  }
  return nullptr;
}

}  // namespace media::providers
