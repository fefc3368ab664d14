#include "indexer/providers/registry.hpp"

#include "indexer/providers/generic.hpp"
#include "indexer/providers/whatsapp.hpp"

namespace media::providers {

Registry::Registry(const Config& config) {
  providers_.push_back(make_whatsapp(
      config.whatsapp.graph_url, {config.whatsapp.media_hosts, config.whatsapp.redirect_hosts}));
  providers_.push_back(make_generic({config.generic.media_hosts, config.generic.redirect_hosts}));
}

const Provider* Registry::find(std::string_view name) const {
  for (const auto& provider : providers_) {
    if (provider->name() == name) return provider.get();
  }
  return nullptr;
}

}  // namespace media::providers
