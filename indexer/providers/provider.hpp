#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/http/message.hpp"
#include "indexer/providers/account.hpp"
#include "indexer/providers/host_policy.hpp"
#include "indexer/providers/settings.hpp"

namespace media::providers {

/// Limits of one delivery; what is beyond is dropped with a note.
inline constexpr std::size_t kMaxMessages = 1000;
inline constexpr std::size_t kMaxMediaPerMessage = 10;
inline constexpr std::size_t kMaxUrlSize = 4096;

/// A secret that an account of the provider has.
struct SecretRule {
  std::string_view name;
  bool is_required = true;
  bool is_repeatable = false;  ///< several values may be valid at a time
  std::string_view purpose;    ///< for help texts
};

/// What can be switched on for an account of the provider.
struct SwitchRule {
  std::string_view name;
  std::string_view purpose;  ///< for help texts
};

/// One media item that a webhook announced. All of it is the provider's claim.
struct IncomingMedia {
  int index = 0;  ///< position within the message
  std::string provider_media_id;
  std::string url;
  std::optional<std::int64_t> url_expires_at;  ///< Unix seconds
  std::string file_name;
  std::string file_type;  ///< image, video, audio, document
  std::string declared_mime_type;
  std::optional<std::int64_t> size;
  std::optional<Sha256Digest> sha256;
  std::optional<std::int64_t> deadline;  ///< Unix seconds; then the provider deletes it
  std::optional<double> duration_seconds;
  std::string waveform;  ///< loudness over time, a byte each; base64
  std::string failure;   ///< "reason: text" of media that cannot be had at all; else empty
};

struct IncomingMessage {
  std::string account;  ///< external id of the account it is for; empty: the called one
  std::string external_id;
  std::string conversation;  ///< external id
  std::string event_kind = "message";
  std::string sender;
  std::optional<std::int64_t> sent_at;  ///< Unix seconds
  std::string text;
  bool is_withdrawn = false;  ///< its sender took it back
  std::vector<IncomingMedia> media;
};

/// What a webhook request says.
struct Delivery {
  std::string key;  ///< equal for every repetition of the delivery; empty: nothing to be kept
  std::vector<IncomingMessage> messages;
  std::vector<std::string> notes;  ///< what was ignored and why, for the log
  /// What the provider wants to hear once all is durable; none: 200 and JSON.
  std::optional<http::Response> answer;
};

/// Names a media item to the provider.
struct MediaReference {
  std::string_view provider_media_id;
  std::string_view url;  ///< as of the webhook, or the last one found
};

/// A request to the provider's own API.
struct ApiRequest {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string method = "GET";
  std::string body = {};  ///< JSON
};

/// What the provider answered when asked for a download URL.
struct ResolveAnswer {
  enum class Verdict {
    found,
    retry,         ///< a passing failure
    rate_limited,  ///< ask again later
    refused,       ///< the credential is not (or no longer) good enough
    bad_request,   ///< perhaps another way of asking works
    gone,          ///< the provider does not have it any more
  };
  Verdict verdict = Verdict::retry;
  std::string message;  ///< of a failure; never quotes the provider's text
  std::string url;
  std::int64_t url_expires_at = 0;
  std::optional<std::int64_t> size;
  std::optional<Sha256Digest> sha256;
};

/// One messaging service: how its webhooks are verified and read, and how its
/// media is found. Pure: no I/O, the time is an argument (Unix seconds).
class Provider {
 public:
  Provider(std::string_view name, const ProviderSettings& settings)
      : name_(name), hosts_{settings.media_hosts, settings.redirect_hosts} {}
  virtual ~Provider() = default;

  std::string_view name() const { return name_; }
  const HostPolicy& hosts() const { return hosts_; }

  virtual std::span<const SecretRule> secret_rules() const = 0;
  /// Whether a value can be a secret of that name at all.
  virtual Result<void> check_secret(std::string_view name, std::string_view value) const = 0;
  /// Whether it can be the external id of an account at all.
  virtual Result<void> check_external_id(std::string_view) const { return {}; }
  virtual std::span<const SwitchRule> switch_rules() const { return {}; }

  /// Whether deliveries may also come by GET, in the query.
  virtual bool takes_get() const { return false; }
  /// Else, the answer to a GET of the webhook URL, by which some providers verify it.
  virtual http::Response handshake(const http::Request& request, const Secrets& secrets) const;
  /// Whether the request comes from the provider. Error `unauthorized`.
  virtual Result<void> verify(const http::Request& request, const Secrets& secrets,
                              std::int64_t now) const = 0;
  /// Reads a verified request. Error `invalid_argument`: not this provider's
  /// format. Formats that are not ours are read leniently: an odd item is
  /// ignored, never the others with it.
  virtual Result<Delivery> parse(const http::Request& request, const Account& account,
                                 std::int64_t now) const = 0;

  /// Whether the account's media can be at that path of a media host.
  virtual bool is_media_path(std::string_view, const Account&) const { return true; }
  /// Value of Authorization for media hosts; empty: they see none.
  virtual std::string media_authorization(const Account&) const { return {}; }
  /// For how many seconds after the message a media host may still answer 404.
  virtual std::int64_t settling_time() const { return 0; }

  /// Ways to ask for a fresh download URL, each to be tried when the one before
  /// was answered with `bad_request`; none when there is no such thing.
  virtual std::vector<ApiRequest> resolve_requests(const MediaReference&, const Account&) const {
    return {};
  }
  virtual ResolveAnswer read_resolve_answer(const MediaReference& media, int status,
                                            std::string_view body, std::int64_t now) const;

  /// Deletes the provider's copy of stored media, where the account wants that.
  virtual std::optional<ApiRequest> delete_request(const MediaReference&, const Account&) const {
    return std::nullopt;
  }

 private:
  std::string name_;
  HostPolicy hosts_;
};

}  // namespace media::providers
