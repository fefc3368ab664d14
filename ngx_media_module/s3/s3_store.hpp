#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/sigv4.hpp"
#include "ngx_media_module/lookup/record.hpp"
#include "ngx_media_module/s3/url_memo.hpp"

namespace media::nginx {

/// How the bytes of an object store get to clients.
enum class S3Serve {
  redirect,  ///< they fetch them themselves, by a signed URL
  proxy,     ///< nginx fetches them, in a location of the operator's
};

/// A bucket, and what `media_store NAME s3` says about it.
struct S3Store {
  S3Endpoint endpoint;
  S3Credentials credentials;  ///< as the key file says now
  std::string
      public_url;  ///< where anybody may fetch public media, without a final slash; or empty
  S3Serve serve = S3Serve::redirect;
  std::int64_t expires = 3600;     ///< seconds for which a signed URL is valid
  std::int64_t bucket_time = 900;  ///< seconds for which the same URL is given; less than `expires`
  std::string location;            ///< of `proxy`: "@name" or an URI
  SigningKey signing_key{};
  UrlMemo urls{};
  std::string last_public_url{};

  void use(S3Credentials changed) {
    credentials = std::move(changed);
    urls.clear();
  }
};

/// Where a client is sent, and for how many seconds he may remember that.
struct S3Target {
  std::string_view url;  ///< lies in the store until the next one is asked for
  std::int64_t max_age = 0;
  bool is_public = false;
};

/// The longest that a redirect is remembered: the right to see media may end.
inline constexpr std::int64_t kMaxRedirectAge = 3600;

bool is_at_public_url(const S3Store& store, const MediaRecord& record);

/// The URL is the same for all who ask within `bucket_time`; what is remembered of it ends before
/// its signature does.
S3Target redirect_target(S3Store& store, const MediaRecord& record, std::string_view method,
                         std::int64_t now);

/// What signs a request in its headers, so that its URL stays clean.
struct S3Signature {
  std::string date;           ///< x-amz-date
  std::string authorization;  ///< covers Host, x-amz-date, x-amz-content-sha256: UNSIGNED-PAYLOAD
                              ///< and the session token
};

S3Signature sign_fetch(S3Store& store, std::string_view method, const std::string& canonical_uri,
                       std::int64_t now);

}  // namespace media::nginx
