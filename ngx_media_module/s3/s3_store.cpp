#include "ngx_media_module/s3/s3_store.hpp"

#include <algorithm>

#include "ngx_media_module/answer/response_policy.hpp"

namespace media::nginx {
namespace {

std::string sign_url(S3Store& store, const UrlSubject& subject) {
  const MediaRecord& record = subject.record;
  const S3Pairs overrides = {
      {"response-cache-control", std::string(cache_control(record.is_public))},
      {"response-content-disposition", std::string(record.disposition)},
      {"response-content-type", std::string(record.mime_type)}};
  return presign(subject.method, store.endpoint, record.storage_key, overrides, store.credentials,
                 store.signing_key, subject.signed_at, store.expires);
}

}  // namespace

bool is_at_public_url(const S3Store& store, const MediaRecord& record) {
  return record.is_public && !store.public_url.empty();
}

S3Target redirect_target(S3Store& store, const MediaRecord& record, std::string_view method,
                         std::int64_t now) {
  if (is_at_public_url(store, record)) {
    store.last_public_url = store.public_url + '/' + percent_encode(record.storage_key, "/");
    return {.url = store.last_public_url, .max_age = kMaxRedirectAge, .is_public = true};
  }
  // Dated back to the start of its bucket, never forward: that is not valid yet.
  const std::int64_t signed_at = now - now % store.bucket_time;
  const UrlSubject subject = {.record = record, .method = method, .signed_at = signed_at};
  const auto known = store.urls.find(subject);
  return {.url = known ? *known : store.urls.insert(subject, sign_url(store, subject)),
          .max_age = std::min(signed_at + store.bucket_time - now, kMaxRedirectAge)};
}

S3Signature sign_fetch(S3Store& store, std::string_view method, const std::string& canonical_uri,
                       std::int64_t now) {
  const S3Pairs headers = sign_request({.method = std::string(method),
                                        .canonical_uri = canonical_uri,
                                        .query = {},
                                        .headers = {},
                                        .payload_sha256_hex = std::string(kUnsignedPayload)},
                                       store.endpoint, store.credentials, store.signing_key, now);
  return {.date = amz_date(now), .authorization = headers.back().second};
}

}  // namespace media::nginx
