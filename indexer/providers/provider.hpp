#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/crypto.hpp"
#include "core/error.hpp"
#include "indexer/http/message.hpp"
#include "indexer/providers/host_policy.hpp"
#include "indexer/providers/secrets.hpp"

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
};

struct IncomingMessage {
  std::string account;  ///< external id of the account it is for; empty: the called one
  std::string external_id;
  std::string conversation;  ///< external id
  std::string event_kind = "message";
  std::string sender;
  std::optional<std::int64_t> sent_at;  ///< Unix seconds
  std::string text;
  std::vector<IncomingMedia> media;
};

/// What a webhook request says.
struct Delivery {
  std::string key;  ///< equal for every repetition of the delivery
  std::vector<IncomingMessage> messages;
  std::vector<std::string> notes;  ///< what was ignored and why, for the log
};

/// Names a media item to the provider.
struct MediaReference {
  std::string_view provider_media_id;
  std::string_view account;  ///< external id
};

/// What the provider answered when asked for a download URL.
struct ResolveAnswer {
  enum class Verdict {
    found,
    retry,         ///< a passing failure
    rate_limited,  ///< ask again later
    refused,       ///< the credential is not (or no longer) good enough
    bad_request,   ///< perhaps because of the optional account parameter
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
  virtual ~Provider() = default;

  virtual std::string_view name() const = 0;

  virtual std::span<const SecretRule> secret_rules() const = 0;
  /// Whether a value can be a secret of that name at all.
  virtual Result<void> check_secret(std::string_view name, std::string_view value) const = 0;

  /// The answer to a GET of the webhook URL, by which some providers verify it.
  virtual http::Response handshake(const http::Request& request, const Secrets& secrets) const = 0;
  /// Whether the request comes from the provider. Error `unauthorized`.
  virtual Result<void> verify(const http::Request& request, const Secrets& secrets,
                              std::int64_t now) const = 0;
  /// Reads a verified request. Error `invalid_argument`: not this provider's
  /// format. Formats that are not ours are read leniently: an odd item is
  /// ignored, never the others with it.
  virtual Result<Delivery> parse(const http::Request& request, std::int64_t now) const = 0;

  virtual const HostPolicy& hosts() const = 0;
  /// Name of the secret sent as Bearer token to media hosts; empty: none.
  virtual std::string_view credential() const { return {}; }

  /// URL that answers with a fresh download URL, to be read with
  /// read_resolve_answer(); empty when the provider has no such thing.
  /// `with_account` adds the account as a further check, where there is one.
  virtual std::string resolve_url(const MediaReference& media, bool with_account) const = 0;
  virtual ResolveAnswer read_resolve_answer(int status, std::string_view body,
                                            std::int64_t now) const = 0;
};

}  // namespace media::providers
