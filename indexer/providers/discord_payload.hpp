#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "indexer/providers/provider.hpp"

namespace media::providers {

/// What depends on the account.
struct DiscordPolicy {
  bool can_refresh = false;  ///< else media is lost once its URL expires
  bool takes_bots = false;   ///< messages of bots as well
};

/// Reads an interaction, a webhook event, or what a gateway bridge forwards: a
/// dispatch frame {"op","t","d"} or {"message":{...}}.
Result<Delivery> parse_discord(std::string_view body, const DiscordPolicy& policy);

/// The end of a CDN URL's life, its parameter `ex`; nothing when unsigned.
std::optional<std::int64_t> discord_url_expiry(std::string_view url);

/// What an attachment is known by: all that it takes to ask for it again.
struct DiscordMediaId {
  std::string channel;
  std::string message;
  std::string attachment;

  std::string text() const { return channel + "/" + message + "/" + attachment; }
  static DiscordMediaId parse(std::string_view text);
};

}  // namespace media::providers
