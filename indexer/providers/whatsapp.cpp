#include "indexer/providers/whatsapp.hpp"

#include <algorithm>
#include <array>

#include "core/encoding.hpp"
#include "indexer/http/problem.hpp"
#include "indexer/providers/secret_text.hpp"
#include "indexer/providers/whatsapp_graph.hpp"
#include "indexer/providers/whatsapp_payload.hpp"

namespace media::providers {
namespace {

constexpr std::array<SecretRule, 3> kSecrets = {
    SecretRule{"app_secret", true, true, "App Secret of the Meta app: signs the webhooks"},
    SecretRule{"access_token", true, false, "system user's token: opens the media"},
    SecretRule{"verify_token", true, false, "the word typed into the App Dashboard"},
};

constexpr std::array<SwitchRule, 1> kSwitches = {
    {{"outgoing", "take media that the business sent from its phone, too (smb_message_echoes)"}}};

constexpr std::size_t kMaxChallengeSize = 256;
constexpr std::string_view kSignaturePrefix = "sha256=";

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

int count_parameter(std::string_view query, std::string_view name) {
  int count = 0;
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    if (percent_decode(pair.substr(0, pair.find('='))) == name) ++count;
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return count;
}

class WhatsApp : public Provider {
 public:
  explicit WhatsApp(const ProviderSettings& settings)
      : Provider("whatsapp", settings), graph_url_(settings.api_url) {}

  std::span<const SecretRule> secret_rules() const override { return kSecrets; }
  std::span<const SwitchRule> switch_rules() const override { return kSwitches; }

  Result<void> check_secret(std::string_view name, std::string_view value) const override {
    return check_secret_text(name, value);
  }

  http::Response handshake(const http::Request& request, const Secrets& secrets) const override;

  Result<void> verify(const http::Request& request, const Secrets& secrets,
                      std::int64_t) const override {
    if (verify_hub_signature(request.header("x-hub-signature-256"), request.body,
                             secrets.all("app_secret"))) {
      return {};
    }
    return fail(ErrorCode::unauthorized, "X-Hub-Signature-256 does not match");
  }

  Result<Delivery> parse(const http::Request& request, const Account& account,
                         std::int64_t now) const override {
    auto delivery = parse_whatsapp(request.body, now, account.is_on("outgoing"));
    if (delivery) delivery->key = hex_encode(sha256(as_bytes(request.body)));
    return delivery;
  }

  std::string media_authorization(const Account& account) const override {
    return "Bearer " + std::string(account.secrets.first("access_token"));
  }

  // The number is an optional further check.
  std::vector<ApiRequest> resolve_requests(const MediaReference& media,
                                           const Account& account) const override {
    if (media.provider_media_id.empty()) return {};
    const std::string url = graph_url_ + "/" + percent_encode(media.provider_media_id);
    const auto headers = {std::pair{std::string("Authorization"), media_authorization(account)}};
    return {{url + "?phone_number_id=" + percent_encode(account.external_id), headers},
            {url, headers}};
  }

  ResolveAnswer read_resolve_answer(const MediaReference&, int status, std::string_view body,
                                    std::int64_t now) const override {
    return read_graph_media(status, body, now);
  }

 private:
  std::string graph_url_;  // with the version segment
};

// The echo is plain text and only for who knows the token: else it would be
// a reflection of anybody's markup.
http::Response WhatsApp::handshake(const http::Request& request, const Secrets& secrets) const {
  for (const std::string_view name : {"hub.mode", "hub.challenge", "hub.verify_token"}) {
    if (count_parameter(request.query(), name) != 1) {
      return http::problem(400, std::string(name) + " must be given exactly once");
    }
  }
  const std::string challenge = request.query_value("hub.challenge");
  if (challenge.empty() || challenge.size() > kMaxChallengeSize || !is_printable(challenge)) {
    return http::problem(400, "hub.challenge is malformed");
  }
  const std::string token = request.query_value("hub.verify_token");
  const std::string_view wanted = secrets.first("verify_token");
  const bool matches = !wanted.empty() && equal_in_constant_time(as_bytes(token), as_bytes(wanted));
  if (request.query_value("hub.mode") != "subscribe" || !matches) {
    return http::problem(403, "hub.verify_token does not match");
  }
  http::Response response;
  response.content_type = "text/plain";
  response.body = challenge;
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace

bool verify_hub_signature(std::string_view header, std::string_view body,
                          const std::vector<std::string_view>& app_secrets) {
  if (header.size() != kSignaturePrefix.size() + 64 || !header.starts_with(kSignaturePrefix) ||
      !is_lower_hex(header.substr(kSignaturePrefix.size()))) {
    return false;
  }
  const auto claimed = hex_decode(header.substr(kSignaturePrefix.size()));
  return std::ranges::any_of(app_secrets, [&](std::string_view secret) {
    return equal_in_constant_time(hmac_sha256(as_bytes(secret), as_bytes(body)), *claimed);
  });
}

Registration whatsapp_registration() {
  return {.name = "whatsapp",
          .make = [](const ProviderSettings& settings, const std::string&)
              -> std::unique_ptr<Provider> { return std::make_unique<WhatsApp>(settings); },
          .defaults = {.api_url = "https://graph.facebook.com/v24.0",
                       .media_hosts = {"lookaside.fbsbx.com"},
                       .redirect_hosts = {".fbsbx.com", ".fbcdn.net", ".whatsapp.net"}},
          .api_url_name = "graph_url",
          .api_path = "/v24.0",
          .sends_credential = true};
}

}  // namespace media::providers
