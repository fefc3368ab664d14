#include <string>

#include "indexer/config.hpp"
#include "indexer/providers/registry.hpp"

namespace {

using media::providers::Provider;

constexpr std::int64_t kNow = 1795250000;

const media::providers::Registry& registry() {
  static const media::providers::Registry all{media::Config()};
  return all;
}

media::providers::Account account() {
  media::providers::Account account;
  account.external_id = "AC0123456789abcdef0123456789abcdef";
  account.secrets.add("bot_token", "t");
  account.switches = {"outgoing", "acknowledge"};
  return account;
}

/// Nothing is true without the keys, whatever the headers say.
void check_forged(const Provider& provider, const media::http::Request& request) {
  media::providers::Secrets secrets;
  for (const auto& rule : provider.secret_rules()) {
    secrets.add(std::string(rule.name), std::string(64, 'a'));
  }
  if (provider.verify(request, secrets, kNow)) __builtin_trap();
}

/// What comes out of a body keeps to the limits and is complete enough to be stored.
void check_parsed(const Provider& provider, const media::http::Request& request) {
  const auto delivery = provider.parse(request, account(), kNow);
  if (!delivery) return;
  if (delivery->key.empty() && !delivery->answer) __builtin_trap();
  if (delivery->messages.size() > media::providers::kMaxMessages) __builtin_trap();
  for (const auto& message : delivery->messages) {
    if (message.external_id.empty() || message.conversation.empty()) __builtin_trap();
    if (message.media.size() > media::providers::kMaxMediaPerMessage) __builtin_trap();
    for (const auto& item : message.media) {
      if (item.file_type.empty() || item.url.size() > media::providers::kMaxUrlSize) {
        __builtin_trap();
      }
    }
  }
}

/// An answer of a provider's API is hostile, too.
void check_answer(const Provider& provider, std::string_view body) {
  for (const char* id : {"1/2/3", "recording/1/0", "voicemail/1"}) {
    const auto answer = provider.read_resolve_answer({id, "https://h/"}, 200, body, kNow);
    const bool is_found = answer.verdict == media::providers::ResolveAnswer::Verdict::found;
    if (is_found == answer.url.empty()) __builtin_trap();
  }
}

}  // namespace

// The input: one byte for the provider, a line for its signature header, a body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto& providers = registry().all();
  const Provider& provider = *providers[data[0] % providers.size()];
  const std::string_view text = media::as_text({data + 1, size - 1});
  const std::string_view header = text.substr(0, text.find('\n'));
  media::http::Request request;
  request.method = "POST";
  request.target = "/webhooks/x/y?" + std::string(header);
  request.body = text.substr(std::min(header.size() + 1, text.size()));
  request.headers = {
      {"Content-Type", data[0] & 128 ? "application/json" : "application/x-www-form-urlencoded"},
      {"X-Signature-Timestamp", "1795250000"},
      {"webhook-id", "1"},
      {"webhook-timestamp", "1795250000"}};
  for (const char* name : {"X-Hub-Signature-256", "X-Twilio-Signature", "X-Signature-Ed25519",
                           "openphone-signature", "webhook-signature"}) {
    const bool is_absent = (data[0] & 64) != 0 && std::string_view(name) == "openphone-signature";
    if (is_absent) continue;  // it decides how Quo's webhooks are verified
    request.headers.emplace_back(name, header);
  }
  check_forged(provider, request);
  check_parsed(provider, request);
  check_answer(provider, request.body);
  return 0;
}
