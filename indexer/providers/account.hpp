#pragma once

#include <set>
#include <string>
#include <string_view>

#include "indexer/providers/secrets.hpp"

namespace media::providers {

/// One account of a company at a provider, as webhooks and downloads see it.
struct Account {
  std::string id;
  std::string company_id;
  std::string provider;
  std::string external_id;
  Secrets secrets;
  std::set<std::string, std::less<>> switches;  ///< settings that are on

  bool is_on(std::string_view setting) const { return switches.contains(setting); }
};

}  // namespace media::providers
