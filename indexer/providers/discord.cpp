#include "indexer/providers/discord.hpp"

#include <algorithm>
#include <array>

#include "core/crypto.hpp"
#include "core/encoding.hpp"
#include "indexer/json.hpp"
#include "indexer/providers/discord_payload.hpp"
#include "indexer/providers/secret_text.hpp"
#include "indexer/providers/standard_webhooks.hpp"

namespace media::providers {
namespace {

using Verdict = ResolveAnswer::Verdict;

constexpr std::array<SecretRule, 3> kSecrets = {{
    {"public_key", true, true, "Public Key of the application, or of a bridge: signs"},
    {"bot_token", false, false, "token of the bot: refreshes expired URLs"},
    {"bridge_secret", false, true, "whsec_... of a bridge that signs like Standard Webhooks"},
}};

constexpr std::array<SwitchRule, 1> kSwitches = {
    {{"outgoing", "take media that bots have sent, too"}}};

constexpr std::size_t kMaxTimestampSize = 32;
constexpr std::size_t kPublicKeySize = 32;
constexpr std::int64_t kDefaultUrlLife = 3600;

bool is_snowflake(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// JSON error codes of Discord's API.
enum Code {
  kUnknownChannel = 10003,
  kUnknownMessage = 10008,
  kMissingAccess = 50001,
  kMissingPermissions = 50013
};

Verdict verdict_of(int status, const Json& body) {
  const auto code = body["code"].integer().value_or(0);
  if (status == 401) return Verdict::refused;
  if (status == 429) return Verdict::rate_limited;
  if (code == kUnknownChannel || code == kUnknownMessage || code == kMissingAccess ||
      code == kMissingPermissions) {
    return Verdict::gone;
  }
  if (status == 400 || status == 404) return Verdict::bad_request;
  return Verdict::retry;
}

std::string url_in(const Json& attachments, const std::string& id) {
  for (std::size_t i = 0; i < attachments.size(); ++i) {
    if (attachments[i]["id"].identifier() == id) return std::string(attachments[i]["url"].text());
  }
  return {};
}

// Of either API: the undocumented refresh, or the message itself.
std::string fresh_url(const Json& body, const std::string& attachment) {
  if (const Json refreshed = body["refreshed_urls"]) {
    return std::string(refreshed[0]["refreshed"].text());
  }
  std::string url = url_in(body["attachments"], attachment);
  const Json forwarded = body["message_snapshots"];
  for (std::size_t i = 0; url.empty() && i < forwarded.size(); ++i) {
    url = url_in(forwarded[i]["message"]["attachments"], attachment);
  }
  return url;
}

class Discord : public Provider {
 public:
  Discord(const ProviderSettings& settings, const std::string& public_url)
      : Provider("discord", settings),
        api_url_(settings.api_url),
        user_agent_("DiscordBot (" + public_url + ", " + std::string(kVersion) + ")") {}

  std::span<const SecretRule> secret_rules() const override { return kSecrets; }
  std::span<const SwitchRule> switch_rules() const override { return kSwitches; }

  Result<void> check_secret(std::string_view name, std::string_view value) const override {
    if (name == "bridge_secret") return check_standard_webhook_key(value);
    if (name != "public_key") return check_secret_text(name, value);
    const auto key = hex_decode(value);
    if (key && key->size() == kPublicKeySize) return {};
    return fail(ErrorCode::invalid_argument, "public_key must be 64 hexadecimal digits");
  }

  // Discord sends wrong signatures on purpose: only a 401 keeps the URL valid.
  Result<void> verify(const http::Request& request, const Secrets& secrets,
                      std::int64_t now) const override {
    if (verify_discord_signature(request, secrets.all("public_key"))) return {};
    const auto bridge = secrets.all("bridge_secret");
    if (!bridge.empty() && !standard_webhook_id(request).empty()) {
      return verify_standard_webhook(request, bridge, now);
    }
    return fail(ErrorCode::unauthorized, "X-Signature-Ed25519 does not match");
  }

  Result<Delivery> parse(const http::Request& request, const Account& account,
                         std::int64_t) const override {
    return parse_discord(request.body, {.can_refresh = can_refresh(account),
                                        .takes_bots = account.is_on("outgoing")});
  }

  bool is_media_path(std::string_view path, const Account&) const override {
    return path.starts_with("/attachments/") || path.starts_with("/ephemeral-attachments/");
  }

  std::vector<ApiRequest> resolve_requests(const MediaReference& media,
                                           const Account& account) const override {
    if (!can_refresh(account) || media.url.empty()) return {};
    const std::vector<std::pair<std::string, std::string>> headers = {
        {"Authorization", "Bot " + std::string(account.secrets.first("bot_token"))},
        {"User-Agent", user_agent_}};
    Json urls = Json::array();
    urls.push(Json::string(media.url));
    std::vector<ApiRequest> ways = {{.url = api_url_ + "/attachments/refresh-urls",
                                     .headers = headers,
                                     .method = "POST",
                                     .body = Json::object().set("attachment_urls", urls).dump()}};
    const auto id = DiscordMediaId::parse(media.provider_media_id);
    if (is_snowflake(id.channel) && is_snowflake(id.message)) {
      ways.push_back({api_url_ + "/channels/" + id.channel + "/messages/" + id.message, headers});
    }
    return ways;
  }

  ResolveAnswer read_resolve_answer(const MediaReference& media, int status, std::string_view body,
                                    std::int64_t now) const override {
    const auto json = Json::parse(body);
    ResolveAnswer answer;
    if (status != 200 || !json) {
      answer.verdict = verdict_of(status, json ? *json : Json());
      answer.message = "Discord answered " + std::to_string(status);
      return answer;
    }
    answer.url = fresh_url(*json, DiscordMediaId::parse(media.provider_media_id).attachment);
    if (answer.url.empty() || answer.url.size() > kMaxUrlSize) {
      answer.url.clear();
      answer.verdict = Verdict::bad_request;
      answer.message = "Discord does not know the attachment any more";
      return answer;
    }
    answer.verdict = Verdict::found;
    answer.url_expires_at = discord_url_expiry(answer.url).value_or(now + kDefaultUrlLife);
    return answer;
  }

 private:
  static bool can_refresh(const Account& account) {
    return !account.secrets.first("bot_token").empty();
  }

  std::string api_url_;
  std::string user_agent_;  // the API refuses others
};

}  // namespace

bool verify_discord_signature(const http::Request& request,
                              const std::vector<std::string_view>& public_keys) {
  const std::string_view timestamp = request.header("x-signature-timestamp");
  const auto signature = hex_decode(request.header("x-signature-ed25519"));
  if (!signature || signature->size() != 64 || timestamp.empty() ||
      timestamp.size() > kMaxTimestampSize) {
    return false;
  }
  const std::string message = std::string(timestamp) + request.body;
  return std::ranges::any_of(public_keys, [&](std::string_view text) {
    const auto key = hex_decode(text);
    return key && verify_ed25519(*key, as_bytes(message), *signature);
  });
}

Registration discord_registration() {
  return {.name = "discord",
          .make = [](const ProviderSettings& settings,
                     const std::string& public_url) -> std::unique_ptr<Provider> {
            return std::make_unique<Discord>(settings, public_url);
          },
          .defaults = {.api_url = "https://discord.com/api/v10",
                       .media_hosts = {"cdn.discordapp.com", "media.discordapp.net"},
                       .redirect_hosts = {}},
          .api_path = "/api/v10"};
}

}  // namespace media::providers
